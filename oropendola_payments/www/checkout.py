"""Checkout page: the invoice and the choice of a gateway."""

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing import payment_methods
from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN as OPEN_ATTEMPTS
from oropendola_payments.ai_billing.known_gateways import adapter_class, is_known
from oropendola_payments.engine.checkout import gateway_choice, initiate
from oropendola_payments.engine.checkout.payer import keep_phone_of_payer
from oropendola_payments.engine.gateway.registry import settings_of
from oropendola_payments.engine.phone.numbers import phone_of
from oropendola_payments.engine.settlement.attempt_outcomes import RETURNED_REASON
from oropendola_payments.engine.tax import reprice
from oropendola_payments.money import to_decimal
from oropendola_payments.web import billing_form, coupons, parts, shell, words
from oropendola_payments.web.order import own_invoice, summary, was_declined

no_cache = 1
sitemap = 0
NOTICES = {"Simulator": "simulator", "Test": "test"}


def get_context(context):
	page, user = shell.open_page(context, _("Checkout")), shell.require_login()
	invoice = own_invoice(user, shell.posted("invoice") or shell.query_param("invoice"))
	if not invoice:
		return shell.not_found(
			context,
			_("Invoice not found"),
			_("It may belong to another account. You can find your own invoices on the billing page."),
		)
	if shell.is_post():
		coupons.press(invoice)
		_act(invoice)
	tax = reprice.preview(invoice)
	context.update(
		{"view": _view(invoice), "is_closed": invoice.status == "Closed", "invoice": summary(invoice, tax)}
	)
	context.replaces = (
		invoice.subscription if invoice.is_exhausted() and invoice.purpose != "Upgrade" else None
	)
	context.no_trial = _is_without_trial(invoice)
	if context.view == "pay":
		_add_gateways(context, invoice, page)
		context.coupon = coupons.form(invoice, page.typed)
		_add_billing_details(context, invoice, page, tax)
	page.title = _("Pay invoice {0}").format(invoice.name)


def _is_without_trial(invoice) -> bool:
	"""Return whether the plan has a trial that this customer did not get. A trial is paid for with a renewal."""
	return bool(invoice.purpose == "New" and invoice.plan and current("AI Plan", invoice.plan).trial_days)


def _view(invoice) -> str:
	if invoice.status in SETTLED:
		return "paid"
	if invoice.status in ("Cancelled", "Closed"):
		return "cancelled"
	return "pay" if invoice.status not in ("Failed", "Abandoned") or invoice.can_retry() else "too_often"


def _act(invoice):
	if shell.posted("action") == "save_profile":
		address = f"/checkout?invoice={invoice.name}"
		billing_form.save(invoice.user, address)
		shell.redirect(address)
	_start(invoice)


def _start(invoice):
	"""Start the payment and redirect to it."""
	gateway, phone = shell.posted("gateway"), shell.posted("phone")
	wish = parts.Wish(shell.posted("pay"), shell.posted("amount"))
	typed = {"gateway": gateway, "phone": phone, "pay": wish.option, "amount": wish.typed}
	address = f"/checkout?invoice={invoice.name}"
	if _needs_phone(gateway) and not phone and not phone_of(invoice.user):
		sentence = _("{0} needs your phone number. Please enter it below.").format(
			gateway_choice.label_of(gateway)
		)
		shell.refuse(sentence, address, **typed)
	start = initiate.retry if invoice.can_retry() else initiate.initiate
	with shell.refusals_lead_to(address, **typed):
		keep_phone_of_payer(invoice.user, invoice.name, phone)
		amount = parts.amount_of(invoice, wish)
		attempt = start(invoice.user, invoice.name, gateway or None, amount=amount)["attempt"]
	shell.redirect(f"/pay?attempt={attempt}" if attempt else f"/payment-result?invoice={invoice.name}")


def _add_gateways(context, invoice, page):
	page.says_who_takes_the_card = True
	listing = gateway_choice.available_for(invoice)
	usable = [entry for entry in listing["gateways"] if entry["available"]]
	usable.sort(key=lambda entry: not entry["recommended"])
	under_way = _open_payment(invoice)
	asked = shell.query_param("gateway")
	suggested = asked if any(entry["id"] == asked for entry in usable) else listing["default"]
	chosen = page.typed.get("gateway") or (under_way or {}).get("code") or suggested
	context.update(
		{
			"gateways": [_gateway(entry, chosen) for entry in usable],
			"part_options": parts.options(invoice, _wish(page)),
			"under_way": under_way,
			"is_reviewed": bool(cint(invoice.needs_review)),
			"is_on_its_way_back": invoice.failure_reason == RETURNED_REASON,
			"last_failure": words.translated(invoice.failure_reason) if invoice.can_retry() else "",
			"retries_remaining": invoice.retries_remaining(),
			"asks_phone": not phone_of(page.user),
			"phone_help": _phone_help(usable),
			"phone": page.typed.get("phone", ""),
		}
	)


def _wish(page) -> parts.Wish:
	"""Return what was chosen before a refusal, or by the link that led here."""
	return parts.Wish(page.typed.get("pay") or shell.query_param("pay"), page.typed.get("amount") or "")


def _add_billing_details(context, invoice, page, tax):
	"""The short form, where the tax depends on the buyer and can still change. It comes first if it is needed."""
	context.asks_details = tax is not None
	context.needs_details = bool(tax and tax.missing and invoice.outstanding())
	if context.asks_details:
		context.profile = billing_form.fields(page)


def _gateway(entry: dict, chosen: str | None) -> dict:
	return {
		"id": entry["id"],
		"name": entry["name"],
		"methods": payment_methods.labels(entry["methods"]),
		"is_chosen": entry["id"] == chosen,
		"is_recommended": entry["recommended"],
		"is_degraded": entry["degraded"],
		"kind": NOTICES.get(entry["mode"], ""),
	}


def _open_payment(invoice) -> dict | None:
	"""Return an open attempt that the customer can continue instead of starting a second one."""
	filters = {
		"invoice": invoice.name,
		"status": ("in", OPEN_ATTEMPTS),
		"gateway": ("not in", ("manual", "credit")),
	}
	fields = [
		"name",
		"gateway",
		"initiated_at",
		"amount",
		"is_part",
		"currency",
		"error_code",
		"error_message",
		"payment_link",
		"in_transit",
	]
	order = "in_transit desc, creation desc"
	row = frappe.db.get_value("Payment Attempt", filters, fields, as_dict=True, order_by=order)
	if not row or not (row.is_part or to_decimal(row.amount) == invoice.outstanding()):
		return None
	return {
		"attempt": row.name,
		"code": row.gateway,
		"gateway": gateway_choice.label_of(row.gateway),
		"time": words.moment(row.initiated_at),
		"part": words.money(row.amount, row.currency) if row.is_part else "",
		"through_link": bool(row.payment_link),
		"in_transit": bool(row.in_transit),
		"refusal": words.translated(row.error_message) if was_declined(row) else "",
	}


def _needs_phone(code: str) -> bool:
	"""Return whether the gateway needs a phone number, so that the page asks for it first."""
	if not is_known(code):
		return False
	return adapter_class(code).capabilities.needs_phone or bool(settings_of(code).require_phone_code)


def _phone_help(usable: list[dict]) -> str:
	names = [entry["name"] for entry in usable if _needs_phone(entry["id"])]
	kept = _("Please include the country code. The number is saved in your profile.")
	if not names:
		return kept
	return f"{_('Required for {0}; optional otherwise.').format(', '.join(names))} {kept}"
