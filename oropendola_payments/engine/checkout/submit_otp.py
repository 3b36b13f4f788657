"""Submit a one-time code: ours, which verifies the phone, or the bank's, which is relayed to the gateway.

The bank creates and checks its own code. No code marks a payment as paid: only the gateway's status does.
"""

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.checkout import payer
from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.gateway.simulated import mock_marks
from oropendola_payments.engine.inbound.status_query import refresh
from oropendola_payments.engine.phone import verification
from oropendola_payments.exceptions import BadRequest, Conflict
from oropendola_payments.gateways.base import Gateway, OtpResult


def confirm(user: str, attempt_name: str, otp: str) -> dict:
	if not (otp.isascii() and otp.isdecimal() and 3 <= len(otp) <= 10):
		raise BadRequest(_("A code consists of digits only. Please enter it as you received it."))
	attempt = _open_attempt(user, attempt_name)
	if attempt.phone_check == "Needed":
		verification.confirm(attempt, otp)
		return {"accepted": True, **checkout.resume(user, attempt_name)}
	result = call_gateway(attempt.gateway, _adapter(attempt).submit_otp, attempt.payment_ref(), otp)
	if result.accepted:
		# An accepted code does not mean that the payment succeeded, so query the status.
		refresh(attempt)
	return _answer(attempt.name, result)


def resend(user: str, attempt_name: str) -> dict:
	attempt = _open_attempt(user, attempt_name)
	if attempt.phone_check == "Needed":
		return {
			"attempt": attempt.name,
			"status": attempt.status,
			"accepted": True,
			**mock_marks(attempt.mode),
			**verification.resend(attempt),
		}
	return _answer(
		attempt.name, call_gateway(attempt.gateway, _adapter(attempt).resend_otp, attempt.payment_ref())
	)


def _open_attempt(user: str, attempt_name: str) -> PaymentAttempt:
	attempt = payer.own_attempt(user, attempt_name)
	if not attempt.is_open():
		raise Conflict(_("This payment is {0} and no longer accepts a code.").format(_(attempt.status)))
	frappe.db.commit()
	return attempt


def _adapter(attempt: PaymentAttempt) -> Gateway:
	adapter = adapter_of(attempt.gateway)
	if not adapter.capabilities.otp:
		raise BadRequest(_("This payment does not need a code."))
	return adapter


def _answer(name: str, result: OtpResult) -> dict:
	row = frappe.db.get_value("Payment Attempt", name, ["status", "invoice", "mode"], as_dict=True)
	answer = {
		"attempt": name,
		"status": row.status,
		"invoice_status": frappe.db.get_value("AI Invoice", row.invoice, "status"),
		"accepted": result.accepted,
		"attempts_left": result.attempts_left,
		**mock_marks(row.mode),
	}
	if result.reason:
		answer["message"] = result.reason
	if result.url:
		answer.update({"payment_url": result.url, "next_action": "redirect"})
	return answer
