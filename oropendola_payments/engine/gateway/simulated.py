"""Marks for answers about a gateway in Simulator mode."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.gateway.registry import settings_of, simulator_url


def mock_marks(mode: str | None) -> dict:
	"""Return the fields that say whether a payment is simulated, and how to accept real payments."""
	if mode != "Simulator":
		return {"is_mocked": False}
	notice = _(
		"This is the simulator: no real money is moved. To accept payments, set the gateway to Test or Live and enter its keys."
	)
	return {"is_mocked": True, "mock_notice": notice}


def approval_url(attempt: PaymentAttempt) -> str | None:
	"""Return the simulator's page on which a tester approves or declines a UPI payment, or None for a real gateway."""
	if attempt.mode != "Simulator":
		return None
	base = (settings_of(attempt.gateway).api_base_url or "").rstrip("/").removesuffix(f"/{attempt.gateway}")
	return f"{base or simulator_url()}/__approve/{attempt.gateway}/{attempt.name}"


def mock_marks_of(attempt_name: str) -> dict:
	return mock_marks(frappe.db.get_value("Payment Attempt", attempt_name, "mode"))
