import hashlib
from contextlib import suppress
from datetime import datetime

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.records import StatefulRecord


class AIUsageAlert(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		handled_on: DF.Datetime | None
		limit_name: DF.Data | None
		percent: DF.Int
		status: DF.Literal["Planned", "Sent", "Skipped"]
		subscription: DF.Link
		user: DF.Link | None
		window_ends_at: DF.Datetime | None
	# end: auto-generated types

	"""A limit of a subscription is used up to 80 or 100 percent. One row for each window, so the customer is told once."""

	transitions = {"Planned": {"Sent", "Skipped"}, "Sent": set(), "Skipped": set()}
	first_status = "Planned"
	system_fields = (
		"subscription",
		"user",
		"limit_name",
		"percent",
		"limit_amount",
		"used",
		"window_ends_at",
		"handled_on",
	)

	def mark_as_sent(self) -> bool:
		return self._move_to("Sent", handled_on=now_datetime())

	def mark_as_skipped(self) -> bool:
		return self._move_to("Skipped", handled_on=now_datetime())

	@staticmethod
	def clear_old_logs(days: int = 180) -> None:
		"""Delete alerts of windows that ended long ago, for Log Settings."""
		frappe.db.delete("AI Usage Alert", {"window_ends_at": ("<", add_to_date(now_datetime(), days=-days))})


def name_of(subscription: str, limit_name: str, window_ends_at: datetime, percent: int) -> str:
	content = f"{subscription}\n{limit_name}\n{window_ends_at}\n{percent}"
	return hashlib.sha256(content.encode()).hexdigest()[:40]


def plan_alert(
	subscription: str,
	user: str,
	limit_name: str,
	percent: int,
	limit_amount: int,
	used: int,
	window_ends_at: datetime,
) -> None:
	"""Insert an alert with one statement, unless this window has it: what was given back can be used up again."""
	row = records.new("AI Usage Alert")
	row.update({"subscription": subscription, "user": user, "limit_name": limit_name, "percent": percent})
	row.update({"limit_amount": limit_amount, "used": used, "window_ends_at": window_ends_at})
	row.update({"name": name_of(subscription, limit_name, window_ends_at, percent), "status": "Planned"})
	with suppress(frappe.DuplicateEntryError):
		row.add()
