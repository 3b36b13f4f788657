from datetime import datetime

import frappe
from frappe.utils import add_to_date, cint, now_datetime

from oropendola_payments.ai_billing.records import StatefulRecord
from oropendola_payments.compat import add_index

DELIVERY, ATTEMPT = "AI Webhook Delivery", "AI Webhook Attempt"


class AIWebhookDelivery(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from oropendola_payments.ai_billing.doctype.ai_webhook_attempt.ai_webhook_attempt import (
			AIWebhookAttempt,
		)

		attempt_log: DF.Table[AIWebhookAttempt]
		attempts: DF.Int
		delivered_on: DF.Datetime | None
		delivery_key: DF.Data | None
		endpoint: DF.Link
		event: DF.Link
		first_failed_at: DF.Datetime | None
		last_error: DF.Data | None
		next_attempt_at: DF.Datetime | None
		position: DF.Int
		status: DF.Literal["Waiting", "Delivered", "Given Up"]
		type: DF.Data | None
		user: DF.Link | None
	# end: auto-generated types

	"""One event for one endpoint: it waits, was delivered, or was given up."""

	transitions = {
		"Waiting": {"Delivered", "Given Up"},
		"Delivered": {"Waiting"},
		"Given Up": {"Waiting"},
	}
	first_status = "Waiting"
	system_fields = (
		*("endpoint", "event", "type", "user", "attempts", "next_attempt_at", "first_failed_at"),
		*("delivered_on", "last_error", "position", "delivery_key"),
	)

	def mark_as_delivered(self) -> bool:
		values = {"delivered_on": now_datetime(), "next_attempt_at": None, "last_error": None}
		return self._move_to("Delivered", attempts=cint(self.attempts) + 1, **values)

	def mark_as_given_up(self, error: str, tried: bool = True) -> bool:
		values = {"next_attempt_at": None, "last_error": error}
		return self._move_to("Given Up", attempts=cint(self.attempts) + int(tried), **values)

	def retry_at(self, error: str, moment: datetime) -> None:
		self.write(
			attempts=cint(self.attempts) + 1,
			next_attempt_at=moment,
			first_failed_at=self.first_failed_at or now_datetime(),
			last_error=error,
		)

	def send_again(self) -> bool:
		"""Start over, as if it had not been tried. What was tried stays in the log. Return False if it waits anyway."""
		return self._move_to("Waiting", attempts=0, next_attempt_at=now_datetime(), first_failed_at=None)

	@staticmethod
	def clear_old_logs(days: int = 90) -> None:
		"""Delete old deliveries with their attempts, for Log Settings. What still waits stays."""
		delivery, attempt = frappe.qb.DocType(DELIVERY), frappe.qb.DocType(ATTEMPT)
		old = delivery.creation < add_to_date(now_datetime(), days=-days)
		names = frappe.qb.from_(delivery).select(delivery.name).where(old & (delivery.status != "Waiting"))
		frappe.qb.from_(attempt).delete().where(attempt.parent.isin(names)).run()
		frappe.qb.from_(delivery).delete().where(old & (delivery.status != "Waiting")).run()


def on_doctype_update() -> None:
	add_index(DELIVERY, ["endpoint", "status", "next_attempt_at"])
	add_index(DELIVERY, ["status", "next_attempt_at"])
	add_index(DELIVERY, ["creation"], "webhook_delivery_age")
