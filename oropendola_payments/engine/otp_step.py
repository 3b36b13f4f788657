"""The code that a customer's bank sent, relayed to the gateway. The bank made it and the bank checks it."""

import frappe
from frappe import _

from oropendola_payments.engine import asking
from oropendola_payments.engine.adapters import adapter_of
from oropendola_payments.engine.calls import call_gateway
from oropendola_payments.engine.checkout import own_attempt
from oropendola_payments.exceptions import BadRequest, Conflict
from oropendola_payments.gateways.base import OtpResult


def confirm(user: str, attempt_name: str, otp: str) -> dict:
	if not (otp.isascii() and otp.isdecimal() and 3 <= len(otp) <= 10):
		raise BadRequest(_("The code has only digits. Please type it as your bank sent it."))
	attempt, adapter = _ready(user, attempt_name)
	result = call_gateway(attempt.gateway, adapter.submit_otp, attempt.payment_ref(), otp)
	if result.accepted:
		# An accepted code is not money: only the status is.
		asking.ask(attempt.name)
	return _answer(attempt.name, result)


def resend(user: str, attempt_name: str) -> dict:
	attempt, adapter = _ready(user, attempt_name)
	return _answer(attempt.name, call_gateway(attempt.gateway, adapter.resend_otp, attempt.payment_ref()))


def _ready(user: str, attempt_name: str):
	attempt = own_attempt(user, attempt_name)
	adapter = adapter_of(attempt.gateway)
	if not adapter.capabilities.otp:
		raise BadRequest(_("This payment needs no code here."))
	if not attempt.is_open():
		raise Conflict(_("This payment is {0} and takes no code any more.").format(_(attempt.status)))
	frappe.db.commit()
	return attempt, adapter


def _answer(name: str, result: OtpResult) -> dict:
	row = frappe.db.get_value("Payment Attempt", name, ["status", "invoice"], as_dict=True)
	answer = {
		"attempt": name,
		"status": row.status,
		"invoice_status": frappe.db.get_value("AI Invoice", row.invoice, "status"),
		"accepted": result.accepted,
		"attempts_left": result.attempts_left,
	}
	if result.reason:
		answer["message"] = result.reason
	if result.url:
		answer.update({"payment_url": result.url, "next_action": "redirect"})
	return answer
