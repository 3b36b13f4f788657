from datetime import datetime

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.ai_billing.records import SystemRecord
from oropendola_payments.compat import add_index

SHORTEST_DAYS = 180
BATCH = 1000


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
		texts_cleared: DF.Check
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
		while empty_texts(max(days, SHORTEST_DAYS)):
			pass


def empty_texts(days: int) -> int:
	"""Clear payload and headers of some processed messages older than this, and return how many. Their other fields stay."""
	names = _with_old_texts(add_to_date(now_datetime(), days=-days))
	if names:
		log = frappe.qb.DocType("Payment Webhook Log")
		query = frappe.qb.update(log).set(log.payload, None).set(log.headers, None).set(log.texts_cleared, 1)
		query.where(log.name.isin(names)).run()
	return len(names)


def _with_old_texts(before: datetime) -> list[str]:
	log = frappe.qb.DocType("Payment Webhook Log")
	query = frappe.qb.from_(log).select(log.name).where(log.texts_cleared == 0).where(log.creation < before)
	return query.where(log.status.isin(("Processed", "Ignored"))).limit(BATCH).run(pluck=True)


def on_doctype_update() -> None:
	frappe.db.add_unique("Payment Webhook Log", ["gateway", "event_key"], "one_message_once")
	add_index("Payment Webhook Log", ["status", "next_attempt_at"])
	add_index("Payment Webhook Log", ["texts_cleared", "creation"])
