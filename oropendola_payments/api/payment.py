"""Payments: list gateways, start, check, retry and cancel a payment."""

from decimal import Decimal

from frappe import _

from oropendola_payments.api import contract, endpoint, require_login
from oropendola_payments.api.answers import payments as answers
from oropendola_payments.api.arguments import BankCode, Code, Currency, EmbedMode, Phone
from oropendola_payments.engine.checkout import cancel, gateway_choice, status, submit_otp
from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.checkout.payer import keep_phone_of_payer, own_invoice
from oropendola_payments.engine.frontends import addresses as frontends
from oropendola_payments.engine.parts.choose import choose
from oropendola_payments.engine.parts.overview import overview
from oropendola_payments.exceptions import BadRequest


@endpoint(methods=("GET", "POST"), guest=True, answer=answers.AvailableGateways)
def get_available_gateways(currency: Currency | None = None, method: str | None = None) -> dict:
	"""Return the available gateways and the recommended one."""
	return gateway_choice.available(currency, method=method)


@endpoint(methods=("POST",), answer=answers.Payment, errors=contract.PAYING)
def initiate_payment(
	invoice_id: str,
	gateway: str | None = None,
	flow: str | None = None,
	idempotency_key: str | None = None,
	phone: Phone | None = None,
	method: str | None = None,
	upi_id: str | None = None,
	bank_code: BankCode | None = None,
	instrument_id: str | None = None,
	amount: Decimal | None = None,
	return_url: str | None = None,
) -> dict:
	"""Start a payment. Send the customer to `payment_url`. `phone` is saved in the user's profile; `amount` pays a part."""
	user = require_login()
	keep_phone_of_payer(user, invoice_id, phone)
	details = {"vpa": upi_id, "bank_code": bank_code, "instrument_id": instrument_id}
	given = {name: value for name, value in details.items() if value}
	back = frontends.return_to(return_url)
	return checkout.initiate(
		user, invoice_id, gateway, flow, idempotency_key, method, given, amount=amount, return_to=back
	)


@endpoint(methods=("POST",), answer=answers.BoltPayment, errors=contract.PAYING)
def create_bolt_payment(invoice_id: str, embed_mode: EmbedMode | None = None) -> dict:
	"""Start a payment with PayU Bolt and return what its script needs. `embed_mode` is true for a form inside the page."""
	return checkout.bolt(require_login(), invoice_id, embed_mode or "inline")


@endpoint(methods=("POST",), answer=answers.Payment, errors=contract.PAYING)
def retry_payment(
	invoice_id: str, gateway: str | None = None, phone: Phone | None = None, return_url: str | None = None
) -> dict:
	"""Retry a failed or abandoned payment."""
	user = require_login()
	keep_phone_of_payer(user, invoice_id, phone)
	return checkout.retry(user, invoice_id, gateway, return_to=frontends.return_to(return_url))


@endpoint(methods=("POST",), answer=answers.CancelledPayment, errors=contract.GATEWAY)
def cancel_payment(attempt: str) -> dict:
	"""Cancel an open payment."""
	return cancel.cancel(require_login(), attempt)


@endpoint(methods=("POST",), answer=answers.OtpAnswer, errors=(*contract.PAYING, "otp_refused"))
def confirm_otp(attempt: str, otp: Code) -> dict:
	"""Submit the one-time code that the customer received."""
	return submit_otp.confirm(require_login(), attempt, otp)


@endpoint(methods=("POST",), answer=answers.OtpAnswer, errors=contract.GATEWAY)
def resend_otp(attempt: str) -> dict:
	"""Have the one-time code sent again."""
	return submit_otp.resend(require_login(), attempt)


@endpoint(methods=("GET", "POST"), answer=answers.PaymentStatus, errors=contract.GATEWAY)
def get_payment_status(invoice_id: str | None = None, attempt: str | None = None) -> dict:
	"""Return the status of an invoice and its latest attempt, after a refresh if the last check is too long ago."""
	user = require_login()
	if not invoice_id and not attempt:
		raise BadRequest(_("Please send invoice_id or attempt."))
	return status.payment_status(user, invoice_id, attempt)


@endpoint(methods=("GET", "POST"), answer=answers.Parts)
def get_parts(invoice_id: str) -> dict:
	"""Return the parts of an invoice, the amounts that may be paid now, and the instalment plans to choose from."""
	return overview(own_invoice(require_login(), invoice_id))


@endpoint(methods=("POST",), answer=answers.ChosenInstalments, errors=("part_refused",))
def choose_instalments(invoice_id: str, instalment_plan: str | None = None) -> dict:
	"""Pay an invoice in the parts of an instalment plan; without one, at once again."""
	return choose(require_login(), invoice_id, instalment_plan)


@endpoint(methods=("GET", "POST"), answer=answers.PendingInvoices)
def get_pending_invoices() -> dict:
	"""Return the user's open invoices."""
	return {"invoices": status.pending_invoices(require_login())}
