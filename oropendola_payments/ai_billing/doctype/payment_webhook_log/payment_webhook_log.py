import frappe

from oropendola_payments.ai_billing.records import SystemRecord


class PaymentWebhookLog(SystemRecord):
	"""The inbox: a message is stored and committed before anything is done about it."""

	system_fields = (
		"gateway",
		"event_key",
		"event_type",
		"status",
		"attempts",
		"next_attempt_at",
		"error",
		"headers",
		"payload",
		"notice",
		"attempt",
	)


def on_doctype_update():
	frappe.db.add_unique("Payment Webhook Log", ["gateway", "event_key"], "one_message_once")
	frappe.db.add_index("Payment Webhook Log", ["status", "next_attempt_at"])
