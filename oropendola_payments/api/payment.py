"""Paying an invoice: choose, start, look, retry, cancel."""

from frappe import _

from oropendola_payments.api import endpoint, require_login
from oropendola_payments.api.arguments import Currency
from oropendola_payments.engine.checkout import cancel, gateway_choice, status, submit_otp
from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.checkout.payer import keep_phone_of_payer
from oropendola_payments.exceptions import BadRequest


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
	keep_phone_of_payer(user, invoice_id, phone)
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
	keep_phone_of_payer(user, invoice_id, phone)
	return checkout.retry(user, invoice_id, gateway)


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
	return status.payment_status(user, invoice_id, attempt)


@endpoint(methods=("GET", "POST"))
def get_pending_invoices() -> dict:
	"""What the user still has to pay."""
	return {"invoices": status.pending_invoices(require_login())}
