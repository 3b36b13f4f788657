"""The outcome of a payment through a link, for the payer who returns from the gateway without a session."""

import frappe

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.checkout.request import RESULT
from oropendola_payments.engine.core.signing import is_signed, sign


def signed_attempt(name: str, signature: str) -> PaymentAttempt | None:
	"""Return the payment that this signature opens, or None. Only payments through a link can be seen like this."""
	if not name or not is_signed(signature, RESULT, name):
		return None
	if not frappe.db.get_value("Payment Attempt", name, "payment_link"):
		return None
	return frappe.get_doc("Payment Attempt", name)


def result_path(attempt: str) -> str:
	return f"/payment-result?attempt={attempt}&view={sign(RESULT, attempt)}"


def state_of(attempt: PaymentAttempt) -> str:
	"""Return what the payer is told: paid, pending, review or failed."""
	invoice = frappe.db.get_value("AI Invoice", attempt.invoice, ["status", "needs_review"], as_dict=True)
	if attempt.status == "Paid":
		return "review" if invoice.needs_review else "paid"
	return "pending" if attempt.is_open() else "failed"
