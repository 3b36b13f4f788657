from typing import Any

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.doctype.ai_plan_change_line.ai_plan_change_line import AIPlanChangeLine
from oropendola_payments.ai_billing.records import StatefulRecord

TRANSITIONS = {
	"Awaiting Payment": {"Applied", "Expired", "Withdrawn", "Superseded", "Rejected"},
	"Scheduled": {"Applied", "Withdrawn", "Superseded", "Rejected"},
	"Applied": {"Reverted"},
	# Money that arrives late is applied if it still fits, and falls under the double-payment policy otherwise.
	"Expired": {"Applied", "Rejected"},
	"Withdrawn": set(),
	"Superseded": set(),
	"Rejected": set(),
	"Reverted": set(),
}
# A subscription has at most one of these.
OPEN = ("Awaiting Payment", "Scheduled")


class AIPlanChange(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from oropendola_payments.ai_billing.doctype.ai_plan_change_line.ai_plan_change_line import (
			AIPlanChangeLine,
		)

		applied_on: DF.Datetime | None
		closed_on: DF.Datetime | None
		credit_amount: DF.Currency
		currency: DF.Data
		due_amount: DF.Currency
		effective_on: DF.Date | None
		ends_on: DF.Date | None
		expires_at: DF.Datetime | None
		fingerprint: DF.Data | None
		from_plan: DF.Link
		invoice: DF.Link | None
		lines: DF.Table[AIPlanChangeLine]
		note: DF.SmallText | None
		open_key: DF.Data | None
		price_amount: DF.Currency
		prices_include_tax: DF.Check
		restarts: DF.Check
		returned_amount: DF.Currency
		status: DF.Literal[
			"Awaiting Payment",
			"Scheduled",
			"Applied",
			"Expired",
			"Withdrawn",
			"Superseded",
			"Rejected",
			"Reverted",
		]
		subscription: DF.Link
		timing: DF.Literal["Now", "Period End"]
		to_plan: DF.Link
		untold: DF.Check
		user: DF.Link
		waived_amount: DF.Currency
	# end: auto-generated types

	"""A change of plan that a customer confirmed. Its lines say what each paid period was worth before and after."""

	transitions = TRANSITIONS
	first_status = "Awaiting Payment"
	system_fields = (
		"subscription",
		"user",
		"invoice",
		"expires_at",
		"applied_on",
		"closed_on",
		"from_plan",
		"to_plan",
		"timing",
		"effective_on",
		"ends_on",
		"restarts",
		"currency",
		"credit_amount",
		"price_amount",
		"prices_include_tax",
		"due_amount",
		"waived_amount",
		"returned_amount",
		"note",
		"untold",
		"fingerprint",
		"open_key",
	)

	def add(self) -> None:
		"""Insert an open change with its lines. DuplicateEntryError if the subscription has one already."""
		self.name = f"PC{frappe.generate_hash(length=10).upper()}"
		waits = self.timing == "Period End"
		self.update({"open_key": self.subscription, "untold": int(waits)})
		self.status = "Scheduled" if waits else "Awaiting Payment"
		super().add()
		for number, line in enumerate(self.lines, start=1):
			line.update(
				{"parent": self.name, "parenttype": self.doctype, "parentfield": "lines", "idx": number}
			)
			line.add()

	def is_open(self) -> bool:
		return self.status in OPEN

	def mark_as_applied(self, **values: Any) -> bool:
		return self._close("Applied", applied_on=now_datetime(), untold=1, **values)

	def mark_as_expired(self) -> bool:
		return self._close("Expired", untold=1)

	def mark_as_withdrawn(self) -> bool:
		return self._close("Withdrawn")

	def mark_as_superseded(self) -> bool:
		return self._close("Superseded")

	def mark_as_rejected(self, reason: str) -> bool:
		return self._close("Rejected", note=reason)

	def mark_as_reverted(self) -> bool:
		return self._close("Reverted")

	def _close(self, status: str, **values: Any) -> bool:
		return self._move_to(status, open_key=None, closed_on=now_datetime(), **values)


def line(**values: Any) -> AIPlanChangeLine:
	row = records.new("AI Plan Change Line")
	row.update(values)
	return row


def withdraw_open(subscription: str) -> None:
	"""Withdraw the open change of a subscription that ends."""
	name = frappe.db.get_value("AI Plan Change", {"open_key": subscription}, "name")
	if name:
		frappe.get_doc("AI Plan Change", name).mark_as_withdrawn()
