"""The outcome of a payment for a payer who returns from the gateway without a session: through a link, or to a frontend."""

import frappe

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.core.urls import is_signed_view, signed_view


def signed_attempt(name: str, signature: str) -> PaymentAttempt | None:
	"""Return the payment that this signature opens, or None."""
	if not name or not is_signed_view(signature, name) or not frappe.db.exists("Payment Attempt", name):
		return None
	attempt = frappe.get_doc("Payment Attempt", name)
	return attempt if attempt.is_seen_by_guests() else None


def result_path(attempt: str) -> str:
	return f"/payment-result?attempt={attempt}&view={signed_view(attempt)}"


def state_of(attempt: PaymentAttempt) -> str:
	"""Return what the payer is told: paid, in_transit, pending, review or failed."""
	if attempt.status == "Paid":
		waits = frappe.db.get_value("AI Invoice", attempt.invoice, "needs_review")
		return "review" if waits else "paid"
	if attempt.in_transit:
		return "in_transit"
	return "pending" if attempt.is_open() else "failed"
