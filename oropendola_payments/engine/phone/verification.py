"""Phone verification before a payment is opened, for gateways with the switch "Confirm Phone by SMS First"."""

from frappe import _
from frappe.utils import cint, get_url

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.core.transactions import in_transaction, lock_attempt
from oropendola_payments.engine.gateway.registry import settings_of
from oropendola_payments.engine.gateway.simulated import mock_marks
from oropendola_payments.engine.phone import numbers, otp
from oropendola_payments.exceptions import Unprocessable

PURPOSE = "checkout"


def initial_phone_check(gateway: str) -> str:
	"""Return `phone_check` of a new attempt."""
	return "Needed" if cint(settings_of(gateway).require_phone_code) else ""


def send_code(attempt: PaymentAttempt) -> dict:
	"""Send a code, unless a valid one was sent, and return `next_action: otp`."""
	bound = _bound(attempt)
	sent = {} if otp.is_waiting(bound) else otp.send(bound, simulated=attempt.mode == "Simulator")
	return {
		"attempt": attempt.name,
		"status": attempt.status,
		"gateway": attempt.gateway,
		"payment_url": get_url(f"/pay?attempt={attempt.name}"),
		"next_action": "otp",
		"phone": numbers.masked_phone(bound.phone),
		**mock_marks(attempt.mode),
		**sent,
	}


def resend(attempt: PaymentAttempt) -> dict:
	sent = otp.send(_bound(attempt), simulated=attempt.mode == "Simulator")
	return {**sent, **mock_marks(attempt.mode)}


def confirm(attempt: PaymentAttempt, code: str) -> None:
	"""Check the code and mark the phone as confirmed. Raises CodeRefused if it is wrong."""
	otp.check(_bound(attempt), code)
	mark_confirmed(attempt)


def mark_confirmed(attempt: PaymentAttempt) -> None:
	"""Record on the attempt and in the audit trail that the phone is confirmed."""
	in_transaction(_confirm_locked, attempt)


def _confirm_locked(attempt: PaymentAttempt) -> None:
	invoice, attempt = lock_attempt(attempt)
	attempt.write(phone_check="Confirmed")
	invoice.record("phone_confirmed", attempt)


def _bound(attempt: PaymentAttempt) -> otp.Binding:
	phone = numbers.phone_of(attempt.user)
	if not phone:
		raise Unprocessable(
			_("We confirm this payment with a code sent to your phone. Please add a phone number first.")
		)
	return otp.Binding(
		PURPOSE, attempt.name, attempt.payment_ref().amount, attempt.currency, numbers.phone_number(phone)
	)
