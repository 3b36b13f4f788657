"""Paying an invoice: choose, start, look, retry, cancel."""

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN
from oropendola_payments.api import endpoint, require_login
from oropendola_payments.api.arguments import Currency
from oropendola_payments.engine.checkout import cancel, gateway_choice, lookup, submit_otp
from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.gateway.simulated import mock_marks
from oropendola_payments.engine.inbound.status_query import refresh_if_possible
from oropendola_payments.engine.phone import numbers as phone_numbers
from oropendola_payments.exceptions import BadRequest

STALE_SECONDS = 20


@endpoint(methods=("GET", "POST"), guest=True)
def get_available_gateways(currency: Currency | None = None) -> dict:
	"""The gateways that can be chosen, and the recommended one."""
	return gateway_choice.available(currency)


@endpoint(methods=("POST",))
def initiate_payment(
	invoice_id: str,
	gateway: str | None = None,
	flow: str | None = None,
	idempotency_key: str | None = None,
	phone: str | None = None,
	method: str | None = None,
	upi_id: str | None = None,
	bank_code: str | None = None,
	instrument_id: str | None = None,
) -> dict:
	"""Start a payment; `payment_url` is where to send the customer. `phone` is kept in the user's profile."""
	user = require_login()
	_keep_phone(user, invoice_id, phone)
	details = {"vpa": upi_id, "bank_code": bank_code, "instrument_id": instrument_id}
	given = {name: value for name, value in details.items() if value}
	return checkout.initiate(user, invoice_id, gateway, flow, idempotency_key, method, given)


@endpoint(methods=("POST",))
def create_bolt_payment(invoice_id: str, embed_mode: str | None = None) -> dict:
	"""What PayU's Bolt script needs to open inside the page."""
	if embed_mode not in (None, "inline", "embedded"):
		raise BadRequest(_("embed_mode must be inline or embedded."))
	return checkout.bolt(require_login(), invoice_id, embed_mode or "inline")


@endpoint(methods=("POST",))
def retry_payment(invoice_id: str, gateway: str | None = None, phone: str | None = None) -> dict:
	"""Try again after a failed or abandoned payment."""
	user = require_login()
	_keep_phone(user, invoice_id, phone)
	return checkout.retry(user, invoice_id, gateway)


def _keep_phone(user: str, invoice_id: str, phone: str | None):
	if phone:
		lookup.own_invoice(user, invoice_id)
		phone_numbers.keep_phone(user, phone)


@endpoint(methods=("POST",))
def cancel_payment(attempt: str) -> dict:
	"""Withdraw a payment that is not finished."""
	return cancel.cancel(require_login(), attempt)


@endpoint(methods=("POST",))
def confirm_otp(attempt: str, otp: str) -> dict:
	"""Hand the code that the bank sent to the gateway."""
	return submit_otp.confirm(require_login(), attempt, otp)


@endpoint(methods=("POST",))
def resend_otp(attempt: str) -> dict:
	"""Ask the bank to send its code again."""
	return submit_otp.resend(require_login(), attempt)


@endpoint(methods=("GET", "POST"))
def get_payment_status(invoice_id: str | None = None, attempt: str | None = None) -> dict:
	"""How an invoice and its latest attempt stand; the gateway is asked when the last word is old."""
	user = require_login()
	if not invoice_id and not attempt:
		raise BadRequest(_("Please send invoice_id or attempt."))
	if attempt:
		invoice_id = lookup.own_attempt(user, attempt).invoice
	invoice = lookup.own_invoice(user, invoice_id)
	attempt = attempt or frappe.db.get_value(
		"Payment Attempt", {"invoice": invoice.name}, "name", order_by="creation desc"
	)
	_refresh_when_stale(attempt)
	invoice.reload()
	return _status(invoice, attempt)


@endpoint(methods=("GET", "POST"))
def get_pending_invoices() -> dict:
	"""What the user still has to pay."""
	names = frappe.get_all(
		"AI Invoice",
		{"user": require_login(), "status": ("in", OPEN)},
		pluck="name",
		order_by="creation desc",
	)
	return {"invoices": [_pending(frappe.get_doc("AI Invoice", name)) for name in names]}


def _refresh_when_stale(attempt: str | None):
	row = attempt and frappe.db.get_value(
		"Payment Attempt", attempt, ["status", "last_check_at", "gateway"], as_dict=True
	)
	if not row or row.status not in ("Processing", "Authorized") or row.gateway == "manual":
		return
	refresh_if_possible(attempt, unless_checked_within=STALE_SECONDS)


def _status(invoice, attempt: str | None) -> dict:
	fields = [
		"name",
		"gateway",
		"status",
		"amount",
		"currency",
		"payment_method",
		"error_code",
		"error_message",
		"mode",
	]
	row = attempt and frappe.db.get_value("Payment Attempt", attempt, fields, as_dict=True)
	if row:
		row.error_message = _told(row.error_message)
	return {
		"invoice": invoice.name,
		"status": invoice.status,
		"total_amount": invoice.total(),
		"amount_paid": invoice.paid(),
		"outstanding_amount": invoice.outstanding(),
		"currency": invoice.currency,
		"failure_reason": _told(invoice.failure_reason),
		"can_retry": invoice.can_retry(),
		"retries_remaining": invoice.retries_remaining(),
		"attempt": row or None,
		"subscription_status": invoice.subscription
		and frappe.db.get_value("AI Subscription", invoice.subscription, "status"),
		**mock_marks(row and row.mode),
	}


def _told(reason: str | None) -> str | None:
	"""Our own sentences are kept in English; a gateway's words have no translation and stay as they are."""
	return _(reason) if reason else reason


def _pending(invoice) -> dict:
	return {
		"name": invoice.name,
		"status": invoice.status,
		"plan": invoice.plan,
		"purpose": invoice.purpose,
		"total_amount": invoice.total(),
		"outstanding_amount": invoice.outstanding(),
		"currency": invoice.currency,
		"due_date": invoice.due_date,
		"failure_reason": _told(invoice.failure_reason),
		"retry_count": cint(invoice.retry_count),
		"can_retry": invoice.can_retry(),
		"retries_remaining": invoice.retries_remaining(),
	}
