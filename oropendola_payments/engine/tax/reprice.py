"""Keep tax and parties of an unpaid invoice up to date. With a payment under way or money on it, an invoice stays as it is."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, flt

from oropendola_payments.ai_billing import invoice_price
from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_billing_profile.ai_billing_profile import AIBillingProfile
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_invoice.totals import are_same_lines, stored_lines
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import has_open_attempt
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.tax.parties import Buyer
from oropendola_payments.engine.tax.quote import Quote, quote
from oropendola_payments.exceptions import Unprocessable
from oropendola_payments.money import quantize, to_decimal

UNPAID = ("Pending", "Failed", "Abandoned")
PARTIES = ("seller_snapshot", "buyer_snapshot")
NUMBERS = ("net_amount", "tax_amount", "tax_rate", "price_includes_tax")


class BillingProfileMissing(Unprocessable):
	"""The tax is not known without these fields of the billing profile. Refused before an attempt exists."""

	error_code = "billing_profile_missing"

	def __init__(self, missing: tuple[str, ...]) -> None:
		super().__init__(_("Please enter your country and state first. They decide the tax."))
		self.missing = missing


def refresh(invoice: AIInvoice, has_open_attempt: bool, buyer: Buyer | None = None) -> Quote | None:
	"""Bring an unpaid invoice up to date and return its tax, or None if it stays as it is. The caller holds its lock.

	`buyer` is its customer, where the caller has read it.
	"""
	found = _quote_of(invoice, has_open_attempt, buyer)
	if found and not found.missing:
		_apply(invoice, found)
	return found


def require_known(invoice: AIInvoice, found: Quote | None) -> None:
	"""Raise BillingProfileMissing if something is due whose tax is not known."""
	if found and found.missing and invoice.outstanding():
		raise BillingProfileMissing(found.missing)


def preview(invoice: AIInvoice) -> Quote | None:
	"""Return the tax that the invoice gets when its payment is opened, or None if it stays as it is."""
	found = _quote_of(invoice, has_open_attempt(invoice.name))
	return found if found and _by_rules(invoice, found) else None


def open_invoices_of(user: str) -> None:
	"""Bring the customer's unpaid invoices up to date, each in a transaction of its own."""
	for name in frappe.get_all("AI Invoice", {"user": user, "status": ("in", UNPAID)}, pluck="name"):
		in_transaction(_refresh, name)


def profile_saved(profile: AIBillingProfile, method: str | None = None) -> None:
	"""For `doc_events`: whoever saved the profile, unpaid invoices follow."""
	after_commit.enqueue_after_commit(
		"oropendola_payments.engine.tax.reprice.open_invoices_of", user=profile.user
	)


def fill_in(invoice: AIInvoice, method: str | None = None) -> None:
	"""For `doc_events`: tax and parties of a new invoice that somebody makes by hand and gives no tax of their own. A document of another app has its tax."""
	if invoice.buyer_snapshot or invoice.is_external() or not invoice.user or not invoice.currency:
		return
	price = to_decimal(invoice.net_amount or 0)
	found = quote(price, invoice.currency, invoice.user, _product_kind(invoice), inclusive=False)
	entered = flt(invoice.tax_amount) or flt(invoice.tax_rate) or invoice.taxes
	values = found.values()
	if found.treatment and not entered:
		invoice.update(values)
	else:
		invoice.update({field: values[field] for field in PARTIES})


def _refresh(name: str) -> None:
	refresh(lock("AI Invoice", name), has_open_attempt(name))


def _quote_of(invoice: AIInvoice, has_open_attempt: bool, buyer: Buyer | None = None) -> Quote | None:
	is_ours = bool(invoice.buyer_snapshot)  # not from before there were billing profiles
	if has_open_attempt or not is_ours or invoice.status not in UNPAID or invoice.paid():
		return None
	inclusive = bool(cint(invoice.price_includes_tax))
	price = invoice.total_amount if inclusive else invoice.net_amount
	return quote(
		quantize(price or 0, invoice.currency),
		invoice.currency,
		invoice.user,
		_product_kind(invoice),
		inclusive=inclusive,
		known=buyer,
	)


def _product_kind(invoice: AIInvoice) -> str | None:
	if invoice.credit_pack:
		return current("AI Credit Pack", invoice.credit_pack).product_kind
	return current("AI Plan", invoice.plan).product_kind if invoice.plan else None


def _by_rules(invoice: AIInvoice, found: Quote) -> bool:
	"""The one rate of Payment Settings, and tax that somebody entered, stay as they were when the invoice was made."""
	return bool(found.treatment and (invoice.tax_treatment or not flt(invoice.tax_amount)))


def _apply(invoice: AIInvoice, found: Quote) -> None:
	values, before = found.values(), invoice.total()
	if not _by_rules(invoice, found):
		values = {field: values[field] for field in PARTIES}
	old_lines = stored_lines(invoice.name) if "taxes" in values else None
	if not _is_same(invoice, values, old_lines):
		invoice.record(
			"tax_updated", invoice, before=before, total=found.total if "taxes" in values else before
		)
		invoice_price.change(invoice, **values) if "taxes" in values else invoice.write(**values)


def _is_same(invoice: AIInvoice, values: dict, old_lines: list | None) -> bool:
	columns = {name: value for name, value in values.items() if name != "taxes"}
	same_columns = all(_same(name, invoice.get(name), value) for name, value in columns.items())
	return same_columns and (old_lines is None or are_same_lines(old_lines, values["taxes"]))


def _same(name: str, old: Any, new: Any) -> bool:
	if name in NUMBERS:
		return to_decimal(old or 0) == to_decimal(new or 0)
	return (old or None) == (new or None)
