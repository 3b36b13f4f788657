"""Which gateway to suggest after a failure, by its cause: the same again, or another one."""

import frappe

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_payment_reminder.ai_payment_reminder import AIPaymentReminder
from oropendola_payments.engine.checkout import gateway_choice
from oropendola_payments.engine.routing.recommend import recommend

SAME_AGAIN = ("Left", "Step")


def suggested_gateway(invoice: AIInvoice, reminder: AIPaymentReminder) -> str | None:
	"""Return the code of the gateway to suggest, or None if no gateway can take this payment."""
	listing = gateway_choice.available_for(invoice)
	usable = [entry for entry in listing["gateways"] if entry["available"]]
	healthy = [entry["id"] for entry in usable if not entry["degraded"]] or [entry["id"] for entry in usable]
	if reminder.failure_class in SAME_AGAIN and reminder.gateway in healthy:
		return reminder.gateway
	failed = _failed_gateways(invoice.name)
	fresh = [code for code in healthy if code not in failed]
	if listing["default"] in fresh or not fresh:
		return listing["default"]
	others = [entry for entry in usable if entry["id"] in fresh]
	return recommend(others, invoice.currency).code or fresh[0]


def _failed_gateways(invoice: str) -> set[str]:
	return set(frappe.get_all("Payment Attempt", {"invoice": invoice, "status": "Failed"}, pluck="gateway"))
