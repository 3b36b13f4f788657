import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.ai_billing.records import StatefulRecord
from oropendola_payments.compat import add_index


class AIWebhookEvent(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		data: DF.Code | None
		endpoint: DF.Link | None
		occurred_at: DF.Datetime | None
		status: DF.Literal["Waiting", "Distributed"]
		type: DF.Data
		user: DF.Link | None
	# end: auto-generated types

	"""One event of the outbox. It was stored together with what it tells about."""

	transitions = {"Waiting": {"Distributed"}, "Distributed": set()}
	first_status = "Waiting"
	system_fields = ("type", "user", "occurred_at", "endpoint", "data")

	def mark_as_distributed(self) -> bool:
		return self._move_to("Distributed")

	@staticmethod
	def clear_old_logs(days: int = 90) -> None:
		"""Delete old events whose deliveries are gone too, for Log Settings."""
		event, delivery = frappe.qb.DocType("AI Webhook Event"), frappe.qb.DocType("AI Webhook Delivery")
		kept = frappe.qb.from_(delivery).select(delivery.event).where(delivery.event.isnotnull())
		old = event.creation < add_to_date(now_datetime(), days=-days)
		query = frappe.qb.from_(event).delete().where(old).where(event.status == "Distributed")
		query.where(event.name.notin(kept)).run()


def on_doctype_update() -> None:
	add_index("AI Webhook Event", ["status", "name"])
	add_index("AI Webhook Event", ["creation"], "webhook_event_age")
