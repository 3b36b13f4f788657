from typing import Any

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.daily.marks import figures_changed
from oropendola_payments.ai_billing.records import StatefulRecord
from oropendola_payments.compat import add_index

TRANSITIONS = {
	"Created": {"Processing", "Unknown", "Refunded", "Failed"},
	"Unknown": {"Processing", "Refunded", "Failed"},
	"Processing": {"Unknown", "Refunded", "Failed"},
	# A bank may reject the refund days after the gateway reported it as done.
	"Refunded": {"Failed"},
	# A gateway may correct a failure that it reported.
	"Failed": {"Refunded"},
}
OPEN = ("Created", "Processing", "Unknown")


class PaymentRefund(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		amount: DF.Currency
		attempt: DF.Link | None
		capture: DF.Link
		check_count: DF.Int
		completed_at: DF.Datetime | None
		currency: DF.Data
		error_message: DF.SmallText | None
		gateway: DF.Data
		gateway_refund_id: DF.Data | None
		idempotency_key: DF.Data | None
		invoice: DF.Link
		last_fact_at: DF.Data | None
		may_have_arrived: DF.Check
		next_check_at: DF.Datetime | None
		reason: DF.SmallText | None
		request_fingerprint: DF.Data | None
		status: DF.Literal["Created", "Processing", "Unknown", "Refunded", "Failed"]
		untold: DF.Check
		user: DF.Link | None
	# end: auto-generated types

	transitions = TRANSITIONS
	first_status = "Created"
	system_fields = (
		"capture",
		"attempt",
		"invoice",
		"user",
		"gateway",
		"amount",
		"currency",
		"reason",
		"gateway_refund_id",
		"idempotency_key",
		"request_fingerprint",
		"next_check_at",
		"check_count",
		"may_have_arrived",
		"last_fact_at",
		"completed_at",
		"error_message",
		"untold",
	)

	def _update_row(self, values: dict, only_if: dict | None = None) -> bool:
		before, was_done = self.completed_at, self.status == "Refunded"
		changed = super()._update_row(values, only_if)
		if changed and was_done:
			# What later refunds took of the applied amount depends on this one.
			done = {"capture": self.capture, "status": "Refunded"}
			later = frappe.get_all("Payment Refund", done, pluck="completed_at")
			figures_changed([before, self.completed_at, *later])
		elif changed and self.status == "Refunded":
			figures_changed([self.completed_at])
		return changed

	def can_be_closed(self) -> bool:
		return self.status in ("Processing", "Unknown")

	def mark_as_processing(self, **values: Any) -> bool:
		return self._move_to("Processing", **values)

	def mark_as_unknown(self, **values: Any) -> bool:
		return self._move_to("Unknown", **values)

	def mark_as_refunded(self, **values: Any) -> bool:
		return self._move_to(
			"Refunded",
			completed_at=now_datetime(),
			next_check_at=None,
			error_message=None,
			untold=1,
			**values,
		)

	def mark_as_failed(self, **values: Any) -> bool:
		return self._move_to("Failed", completed_at=now_datetime(), next_check_at=None, untold=0, **values)

	def mark_as_told(self) -> bool:
		"""Note that the customer was told. Return False if somebody else has done so."""
		return self._update_row({"untold": 0}, only_if={"untold": 1})


def on_doctype_update() -> None:
	add_index("Payment Refund", ["status", "next_check_at"])
