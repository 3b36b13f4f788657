from collections.abc import Iterable
from typing import Any

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.plain_text import values_without_tags
from oropendola_payments.ai_billing.records import StatefulRecord

LINE = "Payment Payout Line"
# What the lines of a payout are about, and the column that holds their sum.
SUMS = {
	"Capture": "captured_amount",
	"Refund": "refunded_amount",
	"Fee": "fee_amount",
	"Tax on Fee": "tax_amount",
	"Dispute": "dispute_amount",
	"Adjustment": "adjustment_amount",
	"Reserve": "reserve_amount",
}
# A report that is corrected later can balance a payout. A balanced one stays as it is, because books rest on it, unless a manager
# reopens it.
TRANSITIONS = {"Needs Attention": {"Balanced"}, "Balanced": {"Needs Attention"}}


class PaymentPayout(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		adjustment_amount: DF.Currency
		amount: DF.Currency
		amount_is_reported: DF.Check
		bank_reference: DF.Data | None
		captured_amount: DF.Currency
		checked_on: DF.Datetime | None
		content_hash: DF.Data | None
		currency: DF.Data
		dispute_amount: DF.Currency
		fee_amount: DF.Currency
		gateway: DF.Data
		gateway_payout_id: DF.Data
		line_count: DF.Int
		mode: DF.Data | None
		paid_on: DF.Date | None
		refunded_amount: DF.Currency
		reserve_amount: DF.Currency
		shortfall: DF.Currency
		source: DF.Literal["API", "File"]
		status: DF.Literal["Needs Attention", "Balanced"]
		tax_amount: DF.Currency
		told_on: DF.Datetime | None
	# end: auto-generated types

	"""What a gateway transferred to the bank at one time, with the sums of its lines."""

	transitions = TRANSITIONS
	first_status = "Needs Attention"
	system_fields = (
		"gateway",
		"gateway_payout_id",
		"bank_reference",
		"paid_on",
		"amount",
		"currency",
		*SUMS.values(),
		"shortfall",
		"line_count",
		"source",
		"mode",
		"amount_is_reported",
		"checked_on",
		"told_on",
		"content_hash",
	)

	def add_lines(self, rows: Iterable[dict]) -> None:
		"""Insert lines with one SQL statement."""
		stamp = (self.owner, self.owner, self.creation, self.creation, 0, 0)
		plain = (values_without_tags(LINE, row) for row in rows)
		values = [(row["name"], *stamp, self.name, self.gateway, *map(row.get, LINE_FIELDS)) for row in plain]
		if values:
			frappe.db.bulk_insert(LINE, [*STAMP_FIELDS, "payout", "gateway", *LINE_FIELDS], values)

	def remove_lines(self) -> None:
		"""Delete the lines of a report that did not add up, before those of a better one are added."""
		frappe.db.delete(LINE, {"payout": self.name})

	def mark_as_balanced(self) -> bool:
		return self._move_to("Balanced")

	def mark_as_reopened(self) -> bool:
		"""Let the next report replace it, whatever it says, and have other apps told again."""
		return self._move_to("Needs Attention", content_hash=None, told_on=None)

	def mark_as_due(self) -> None:
		"""Have it compared with our records at the next check."""
		self.write(checked_on=None)

	def mark_as_checked(self) -> bool:
		"""Note that it was compared as it was read. One that changed meanwhile stays due."""
		return self._update_row({"checked_on": now_datetime()}, only_if={"modified": self.modified})

	def mark_as_told(self) -> None:
		"""Note that other apps heard of it. It does not count as a change to a check that runs at the same time."""
		frappe.db.set_value(self.doctype, self.name, "told_on", now_datetime(), update_modified=False)

	def sums(self) -> dict[str, Any]:
		"""Return the sum of the lines of each kind. Fees and refunds are less than 0."""
		return {kind: self.get(field) or 0 for kind, field in SUMS.items()}


STAMP_FIELDS = ("name", "owner", "modified_by", "creation", "modified", "docstatus", "idx")
LINE_FIELDS = (
	"kind", "amount", "currency", "day", "capture", "refund", "is_linked", "fee_stated",
	"gateway_row", "payment_id", "reference", "refund_id", "refund_key", "own_amount", "own_currency", "note",
)  # fmt: skip


def on_doctype_update() -> None:
	frappe.db.add_unique("Payment Payout", ["gateway", "gateway_payout_id"], "one_payout_once")
