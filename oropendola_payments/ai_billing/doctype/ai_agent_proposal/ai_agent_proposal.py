from typing import Any

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.records import StatefulRecord

TRANSITIONS = {
	"Proposed": {"Approved", "Rejected", "Expired"},
	# What was approved is carried out at once. After a crash in between it is carried out again, without harm.
	"Approved": {"Done", "Failed"},
	"Done": set(),
	"Failed": set(),
	"Rejected": set(),
	"Expired": set(),
}


class AIAgentProposal(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		action: DF.Literal["Refund", "Cancellation", "Replay"]
		amount: DF.Currency
		at_period_end: DF.Check
		currency: DF.Data | None
		decided_by: DF.Link | None
		decided_on: DF.Datetime | None
		expires_at: DF.Datetime | None
		invoice: DF.Link | None
		message: DF.Link | None
		open_key: DF.Data | None
		outcome: DF.SmallText | None
		proposed_by: DF.Link
		reason: DF.SmallText | None
		refund: DF.Link | None
		status: DF.Literal["Proposed", "Approved", "Done", "Failed", "Rejected", "Expired"]
		subscription: DF.Link | None
		summary: DF.SmallText | None
		user: DF.Link | None
	# end: auto-generated types

	"""What an agent of staff wants to do. Only a person in the Desk can approve it."""

	transitions = TRANSITIONS
	first_status = "Proposed"
	system_fields = (
		"action",
		"summary",
		"expires_at",
		"outcome",
		"user",
		"invoice",
		"subscription",
		"message",
		"amount",
		"currency",
		"at_period_end",
		"refund",
		"proposed_by",
		"reason",
		"decided_by",
		"decided_on",
		"open_key",
	)

	def add(self) -> None:
		"""Insert an open proposal. DuplicateEntryError if the same is proposed already."""
		self.name = f"AP{frappe.generate_hash(length=10).upper()}"
		self.status = "Proposed"
		self.proposed_by = frappe.session.user
		super().add()

	def is_over(self) -> bool:
		"""Return whether nobody decided in time."""
		return self.status == "Proposed" and get_datetime(self.expires_at) <= now_datetime()

	def can_be_decided(self) -> bool:
		return self.status == "Proposed" and not self.is_over()

	def can_be_carried_out(self) -> bool:
		"""Return whether it may be approved, or was approved and not finished."""
		return self.status == "Approved" or self.can_be_decided()

	def mark_as_approved(self) -> bool:
		return self._decide("Approved")

	def mark_as_rejected(self) -> bool:
		return self._decide("Rejected", open_key=None)

	def mark_as_expired(self) -> bool:
		return self._move_to("Expired", open_key=None)

	def mark_as_done(self, outcome: str, refund: str | None = None) -> bool:
		return self._move_to("Done", open_key=None, outcome=outcome, refund=refund)

	def mark_as_failed(self, reason: str) -> bool:
		return self._move_to("Failed", open_key=None, outcome=reason)

	def _decide(self, status: str, **values: Any) -> bool:
		return self._move_to(status, decided_by=frappe.session.user, decided_on=now_datetime(), **values)
