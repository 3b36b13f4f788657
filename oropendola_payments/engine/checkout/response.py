"""Answers to the frontend: the URL to send the customer to, and data for pages with an SDK, form or UPI."""

from dataclasses import asdict

from frappe.utils import get_url

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.known_gateways import adapter_class, is_known
from oropendola_payments.engine.core.times import iso_time
from oropendola_payments.engine.core.urls import result_url, signed_view
from oropendola_payments.engine.gateway.simulated import approval_url, mock_marks
from oropendola_payments.gateways.base import Checkout


def payment_response(attempt: PaymentAttempt) -> dict:
	"""Return what the frontend needs next. `payment_url` always works by plain navigation."""
	checkout = attempt.checkout()
	# A frontend's visitor has no session here.
	view = f"&view={signed_view(attempt.name)}" if attempt.return_origin else ""
	if not attempt.is_open():
		url, action = f"{result_url(attempt=attempt.name)}{view}", "redirect"
	else:
		url = checkout.get("url") or get_url(f"/pay?attempt={attempt.name}{view}")
		action = checkout.get("next_action") or "redirect"
	result = {
		"attempt": attempt.name,
		"status": attempt.status,
		"gateway": attempt.gateway,
		"payment_url": url,
		"next_action": action,
		"expires_at": iso_time(attempt.expires_at),
		**_references(attempt, checkout.get("url")),
		**mock_marks(attempt.mode),
	}
	if action == "upi" and (approval := approval_url(attempt)):
		result["mock_approval_url"] = approval
	result.update(
		{part: checkout[part] for part in ("form", "sdk", "upi") if attempt.is_open() and checkout.get(part)}
	)
	return result


def _references(attempt: PaymentAttempt, url: str | None) -> dict:
	"""Return the gateway's references as far as they are known, also under the names that its documentation uses."""
	known = {"order_id": attempt.gateway_order_id, "payment_id": attempt.gateway_payment_id, "url": url}
	names = adapter_class(attempt.gateway).answer_names if is_known(attempt.gateway) else {}
	own = {name: known[what] for name, what in names.items() if known[what]}
	return {
		"gateway_order_id": attempt.gateway_order_id or None,
		"gateway_payment_id": attempt.gateway_payment_id or None,
		**own,
	}


def checkout_data(opened: Checkout) -> dict:
	"""Return the parts of a gateway's answer that the pay page and later calls need."""
	kept = ("next_action", "url", "data", "upi")
	parts = {"form": opened.form and asdict(opened.form), "sdk": opened.sdk and asdict(opened.sdk)}
	return {**{name: getattr(opened, name) for name in kept}, **parts}


def nothing_to_pay_response(invoice: str) -> dict:
	"""Return the answer for an invoice with nothing due, which is already paid and fulfilled."""
	return {
		"attempt": None,
		"payment_url": result_url(invoice=invoice),
		"next_action": "redirect",
		"is_mocked": False,
	}
