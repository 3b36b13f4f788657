"""Cashfree payments in two steps without a redirect, for apps and agents."""

from decimal import Decimal

from frappe import _

from oropendola_payments.api import contract, endpoint
from oropendola_payments.api.answers import payments as answers
from oropendola_payments.api.arguments import BankCode, Code, Phone
from oropendola_payments.api.scopes import require_transact
from oropendola_payments.engine.checkout import two_step
from oropendola_payments.engine.phone import numbers
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.gateways.base import Customer


@endpoint(methods=("POST",), answer=answers.NewTwoStepOrder, errors=contract.PAYING, scope="transact")
def create_cashfree_order(
	customer_name: str,
	customer_email: str,
	customer_phone: Phone,
	invoice_id: str | None = None,
	amount: Decimal | None = None,
) -> dict:
	"""Open an order for an invoice of the user. `amount` is only compared with the invoice."""
	user = require_transact()
	customer = Customer(customer_name[:100], _mail(customer_email), numbers.phone_number(customer_phone))
	return two_step.create_order(user, invoice_id, amount, customer)


@endpoint(methods=("POST",), answer=answers.TwoStepCodeSent, errors=contract.GATEWAY, scope="transact")
def initiate_cashfree_payment(
	order_id: str,
	payment_method: str,
	phone_number: Phone,
	upi_id: str | None = None,
	bank_code: BankCode | None = None,
	instrument_id: str | None = None,
) -> dict:
	"""Choose the payment method, and send a code to verify the phone."""
	details = {"vpa": upi_id, "bank_code": bank_code, "instrument_id": instrument_id}
	given = {key: value for key, value in details.items() if value}
	return two_step.start(require_transact(), order_id, payment_method, phone_number, given)


@endpoint(
	methods=("POST",),
	answer=answers.TwoStepStarted,
	errors=(*contract.PAYING, "otp_refused"),
	scope="transact",
)
def confirm_cashfree_payment(order_id: str, otp: Code) -> dict:
	"""Check the code and start the payment."""
	return two_step.confirm(require_transact(), order_id, otp)


@endpoint(methods=("GET", "POST"), answer=answers.TwoStepStatus, errors=contract.GATEWAY, scope="transact")
def get_cashfree_order_status(order_id: str) -> dict:
	"""Return the status of an order."""
	return two_step.status(require_transact(), order_id)


def _mail(text: str) -> str:
	from frappe.utils import validate_email_address

	if not validate_email_address(text):
		raise BadRequest(_("This is not a valid email address. Please check it."))
	return text
