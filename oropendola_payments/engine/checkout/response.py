"""What the frontend is told: where the customer goes on, and what a richer page may do instead."""

from dataclasses import asdict

import frappe
from frappe import _
from frappe.utils import get_url

from oropendola_payments.gateways.base import Checkout


def payment_response(attempt) -> dict:
	"""What the frontend needs to go on. `payment_url` always works by plain navigation."""
	checkout = attempt.checkout()
	if not attempt.is_open():
		url, action = result_url(attempt=attempt.name), "redirect"
	else:
		url, action = (
			checkout.get("url") or get_url(f"/pay?attempt={attempt.name}"),
			checkout.get("next_action"),
		)
	result = {
		"attempt": attempt.name,
		"status": attempt.status,
		"gateway": attempt.gateway,
		"payment_url": url,
		"next_action": action or "redirect",
		"expires_at": attempt.expires_at,
		**mock_marks(attempt.mode),
	}
	result.update(
		{part: checkout[part] for part in ("form", "sdk", "upi") if attempt.is_open() and checkout.get(part)}
	)
	return result


def mock_marks(mode: str | None) -> dict:
	"""Every answer about a gateway in Simulator mode says that no money moves, and how to change that."""
	if mode != "Simulator":
		return {"is_mocked": False}
	notice = _("This is the simulator: no money moves. Set the gateway to Test or Live and enter its keys.")
	return {"is_mocked": True, "mock_notice": notice}


def mock_marks_of(attempt_name: str) -> dict:
	return mock_marks(frappe.db.get_value("Payment Attempt", attempt_name, "mode"))


def result_url(invoice: str | None = None, attempt: str | None = None) -> str:
	return get_url(f"/payment-result?{'attempt' if attempt else 'invoice'}={attempt or invoice}")


def checkout_data(opened: Checkout) -> dict:
	"""The parts of a gateway's answer that the pay page and later calls need."""
	kept = ("next_action", "url", "data", "upi")
	parts = {"form": opened.form and asdict(opened.form), "sdk": opened.sdk and asdict(opened.sdk)}
	return {**{name: getattr(opened, name) for name in kept}, **parts}
