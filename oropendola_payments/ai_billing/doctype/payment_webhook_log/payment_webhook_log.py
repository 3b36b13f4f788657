import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.ai_billing.records import SystemRecord

SHORTEST_DAYS = 180


class PaymentWebhookLog(SystemRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		attempt: DF.Link | None
		attempts: DF.Int
		error: DF.SmallText | None
		event_key: DF.Data
		event_type: DF.Data | None
		gateway: DF.Data
		headers: DF.LongText | None
		next_attempt_at: DF.Datetime | None
		notice: DF.LongText | None
		payload: DF.LongText | None
		status: DF.Literal["Received", "Processed", "Ignored", "Failed", "Dead"]
	# end: auto-generated types

	"""The webhook inbox: a message is stored and committed before it is processed."""

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

	@staticmethod
	def clear_old_logs(days: int = 180) -> None:
		"""Clear old payloads, for Log Settings, but not while a dispute is possible.

		The row stays as evidence, and its key detects duplicates.
		"""
		empty_texts(max(days, SHORTEST_DAYS))


def empty_texts(days: int) -> None:
	"""Clear payload and headers of processed messages older than this. Their other fields stay."""
	before = add_to_date(now_datetime(), days=-days)
	log = frappe.qb.DocType("Payment Webhook Log")
	query = frappe.qb.update(log).set(log.payload, None).set(log.headers, None)
	query = query.where(log.creation < before).where(log.payload.isnotnull())
	query.where(log.status.isin(("Processed", "Ignored"))).run()


def on_doctype_update() -> None:
	frappe.db.add_unique("Payment Webhook Log", ["gateway", "event_key"], "one_message_once")
	frappe.db.add_index("Payment Webhook Log", ["status", "next_attempt_at"])
