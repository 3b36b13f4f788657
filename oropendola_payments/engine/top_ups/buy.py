"""Buy a pack: an invoice like any other, which is paid at the same checkout. The credits come when it is paid."""

from decimal import Decimal

import frappe
from frappe.utils import add_days, cint, nowdate

from oropendola_payments.ai_billing.doctype.ai_credit_pack.ai_credit_pack import AICreditPack
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN, AIInvoice
from oropendola_payments.ai_billing.invoice_price import full_price
from oropendola_payments.ai_billing.top_up import TOP_UP
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.subscriptions.invoicing import DUE_AFTER_DAYS
from oropendola_payments.engine.tax.quote import quote as tax_quote
from oropendola_payments.engine.top_ups import packs


def quote(user: str, pack_id: str, currency: str | None = None) -> dict:
	"""Return what the pack costs this customer, with tax. Changes nothing."""
	pack, price, currency = _choose(user, pack_id, currency)
	found = tax_quote(price, currency, user, pack.product_kind)
	return {
		"pack_id": pack.name,
		"pack_name": pack.pack_name,
		"credits": cint(pack.units),
		"valid_days": cint(pack.validity_days) or None,
		"currency": currency,
		"net_amount": found.net,
		"tax_amount": found.tax,
		"total_amount": found.total,
		"missing": list(found.missing),
	}


def buy(user: str, pack_id: str, currency: str | None = None) -> dict:
	"""Return the invoice to pay. A repeated call gives the same invoice until it is paid."""
	pack, price, currency = _choose(user, pack_id, currency)
	subscription = packs.require_buyer(user, pack)
	return in_transaction(_buy, subscription.name, user, pack, price, currency)


def _choose(user: str, pack_id: str, currency: str | None) -> tuple[AICreditPack, Decimal, str]:
	pack = packs.get_pack(pack_id)
	pack.require_active()
	price, chosen = pack.price_in(currency or usual_currency(user, pack))
	return pack, price, chosen


def usual_currency(user: str, pack: AICreditPack) -> str | None:
	"""Return the currency of the customer's last invoice if the pack is sold in it."""
	last = frappe.db.get_value("AI Invoice", {"user": user}, "currency", order_by="creation desc")
	return last if last in pack.all_prices() else None


def _buy(subscription: str, user: str, pack: AICreditPack, price: Decimal, currency: str) -> dict:
	# A second click waits here, and then finds the invoice of the first.
	lock("AI Subscription", subscription)
	invoice = _open_invoice(user, pack, price, currency) or _insert(user, pack, price, currency)
	return {
		"invoice_id": invoice.name,
		"pack_id": pack.name,
		"credits": cint(invoice.credit_units),
		"total_amount": invoice.total(),
		"currency": currency,
		"status": invoice.status,
	}


def _open_invoice(user: str, pack: AICreditPack, price: Decimal, currency: str) -> AIInvoice | None:
	"""Return the open invoice for the pack. One that does not match it any more is cancelled, unless it is being paid."""
	filters = {"user": user, "credit_pack": pack.name, "currency": currency, "status": ("in", OPEN)}
	for name in frappe.get_all("AI Invoice", filters, pluck="name", order_by="creation desc"):
		invoice: AIInvoice = lock("AI Invoice", name)
		if invoice.status not in OPEN:
			continue
		if not invoice.can_move_to("Cancelled") or _is_current(invoice, pack, price):
			return invoice
		invoice.mark_as_cancelled()
	return None


def _is_current(invoice: AIInvoice, pack: AICreditPack, price: Decimal) -> bool:
	ordered = (cint(invoice.credit_units), cint(invoice.credit_days), invoice.credit_plans or None)
	same = ordered == (cint(pack.units), cint(pack.validity_days), pack.usable_under())
	return same and full_price(invoice) == price and not invoice.is_exhausted()


def _insert(user: str, pack: AICreditPack, price: Decimal, currency: str) -> AIInvoice:
	invoice: AIInvoice = frappe.new_doc("AI Invoice")
	invoice.flags.ignore_links = True  # they come from our own records
	invoice.update(
		{
			"user": user,
			"purpose": TOP_UP,
			"credit_pack": pack.name,
			"currency": currency,
			"due_date": add_days(nowdate(), DUE_AFTER_DAYS),
			"description": pack.pack_name,
			**tax_quote(price, currency, user, pack.product_kind).values(),
		}
	)
	invoice.insert(ignore_permissions=True)
	return invoice
