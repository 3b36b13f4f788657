"""Marks for answers about a gateway in Simulator mode."""

import frappe
from frappe import _


def mock_marks(mode: str | None) -> dict:
	"""Return the fields that say whether a payment is simulated, and how to accept real payments."""
	if mode != "Simulator":
		return {"is_mocked": False}
	notice = _(
		"This is the simulator: no real money is moved. To accept payments, set the gateway to Test or Live and enter its keys."
	)
	return {"is_mocked": True, "mock_notice": notice}


def mock_marks_of(attempt_name: str) -> dict:
	return mock_marks(frappe.db.get_value("Payment Attempt", attempt_name, "mode"))
