"""Count a call in all windows of a plan, or in none. Two calls at once cannot pass a limit together.

Usually one UPDATE does it, guarded by what was read: it changes all rows or fewer than all. If another call was faster, the
rows are locked, read again, and counted then.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from math import ceil
from typing import Any

import frappe
from frappe import _
from frappe.utils import get_datetime

from oropendola_payments.ai_billing.doctype.ai_usage_window.ai_usage_window import add_window, key_of
from oropendola_payments.compat import affected_rows
from oropendola_payments.engine.entitlements.bought_share import not_bought
from oropendola_payments.engine.entitlements.paid_periods import PaidPeriod, next_paid
from oropendola_payments.engine.entitlements.windows import LONG, Term, end_of_window, span_of
from oropendola_payments.engine.metering.costs import THOUSANDTHS

DAY = 86_400
LENGTHS = {"Minute": 60, "Hour": 3600, "Day": DAY, "Week": 7 * DAY, "Month": 30 * DAY, "Period": 30 * DAY}
METERS = {"Requests": lambda: _("requests"), "Tokens": lambda: _("tokens"), "Units": lambda: _("units")}
NAMES = {
	"Minute": lambda: _("minute"),
	"Hour": lambda: _("hour"),
	"Day": lambda: _("day"),
	"Week": lambda: _("week"),
	"Month": lambda: _("month"),
	"Period": lambda: _("billing period"),
}
READ = "SELECT name, unique_key, used, not_bought, ends_at FROM `tabAI Usage Window` WHERE subscription = %s"


@dataclass
class Window:
	"""One limit of a subscription and how much of it is used, as of one moment."""

	meter: str
	name: str  # Minute, Hour, ...
	allowance: int  # what of the plan's is bought for it
	ends_at: datetime
	used: int = 0
	taken: int = 0  # what this transaction counted
	row: str | None = None  # the record; None before the first use
	read: tuple[int, datetime] | None = None  # what the record held
	begins: bool = False  # nothing was counted in it yet
	not_bought: int = 0  # what of the plan's allowance is not

	@property
	def key(self) -> str:
		return f"{self.meter}:{self.name}"

	@property
	def slug(self) -> str:
		return self.key.lower()

	@property
	def limit(self) -> int:
		"""The allowance in what is counted: units are counted in thousandths."""
		return self.allowance * self._scale()

	@property
	def of_plan(self) -> int:
		"""The whole allowance of the plan, in what is counted."""
		return (self.allowance + self.not_bought) * self._scale()

	def _scale(self) -> int:
		return THOUSANDTHS if self.meter == "Units" else 1

	@property
	def remaining(self) -> int:
		return max(0, self.limit - self.used)

	def left(self) -> int:
		"""Return what remains in whole requests, tokens or units."""
		return self.remaining // self._scale()

	def seconds_left(self, now: datetime) -> int:
		return max(1, ceil((self.ends_at - now).total_seconds()))

	def length(self) -> int:
		"""Return the length in seconds, as the RateLimit headers want it. Months and periods are about that long."""
		return LENGTHS[self.name]

	def is_still(self, end: str) -> bool:
		"""Return whether the window that ended then, when it was counted, is the one that runs now."""
		return self.ends_at == get_datetime(end)

	def meter_name(self) -> str:
		return METERS[self.meter]()

	def window_name(self) -> str:
		return NAMES[self.name]()

	def summary(self) -> dict:
		used = self.allowance - self.left()
		return {
			"window": self.slug,
			"limit": self.allowance,
			"used": used,
			"remaining": self.left(),
			"resets_at": self.ends_at,
		}


def rows_of(subscription: str) -> list[frappe._dict]:
	return frappe.db.sql(READ, subscription, as_dict=True)


def windows_from(
	rows: Iterable[Any], subscription: str, limits: Iterable[Any], term: Term, now: datetime
) -> list[Window]:
	"""Return the windows of a subscription for the limits of its plan, by the records that were read."""
	known = {row.unique_key: row for row in rows}
	paid = cache(
		lambda: next_paid(subscription, now.date())
	)  # asked once, and only where a long window begins
	return [_window(subscription, limit, term, now, known, paid) for limit in limits]


def windows_now(subscription: str, limits: Iterable[Any], term: Term, now: datetime) -> list[Window]:
	"""Read the records and return the windows. The caller has just locked the subscription, as everybody does who changes them.

	Locking them too would lock the gap where the first one is inserted: two customers' first calls would wait for each other.
	"""
	return windows_from(rows_of(subscription), subscription, limits, term, now)


def _window(
	subscription: str,
	limit: Any,
	term: Term,
	now: datetime,
	known: dict[str, frappe._dict],
	paid: Callable[[], PaidPeriod | None],
) -> Window:
	meter, name, allowance = limit.meter, limit.time_window, int(limit.allowance)
	row = known.get(key_of(subscription, meter, name))
	read = (int(row.used), get_datetime(row.ends_at)) if row else None
	if row and read and read[1] > now:
		used, ends_at = read
		missing = min(allowance, int(row.not_bought or 0))
		return Window(
			meter, name, allowance - missing, ends_at, used, row=row.name, read=read, not_bought=missing
		)
	begun = replace(term, paid=paid()) if name in LONG else term
	missing = not_bought(limit, span_of(name, now.date(), begun), begun.paid) if begun.paid else 0
	ends_at, row_name = end_of_window(name, now, begun), row.name if row else None
	return Window(
		meter, name, allowance - missing, ends_at, row=row_name, read=read, begins=True, not_bought=missing
	)


def begins_period(windows: Iterable[Window]) -> bool:
	"""Return whether one of the windows begins now whose end or allowance depends on what was paid."""
	return any(window.begins and window.name in LONG for window in windows)


def violated(windows: Iterable[Window], costs: dict[str, int]) -> list[Window]:
	"""Return the windows that have no room for this call."""
	return [window for window in windows if costs[window.meter] > window.remaining]


def count(subscription: str, windows: list[Window], costs: dict[str, int]) -> bool:
	"""Count the call in all windows. Return False if one of them was changed by another call meanwhile; the caller rolls back."""
	changing = [window for window in windows if costs[window.meter]]
	try:
		for window in changing:
			if not window.row:
				_insert(subscription, window)
	except frappe.DuplicateEntryError:
		return False
	if changing and not _update(changing, costs):
		return False
	for window in changing:
		window.used += costs[window.meter]
		window.taken = costs[window.meter]
	return True


def _update(windows: list[Window], costs: dict[str, int]) -> bool:
	cases, begun = "WHEN %s THEN %s " * len(windows), [window for window in windows if window.begins]
	shares = (
		f", not_bought = CASE name {'WHEN %s THEN %s ' * len(begun)} ELSE not_bought END" if begun else ""
	)
	guards = " OR ".join(["(name = %s AND used = %s AND ends_at = %s)"] * len(windows))
	statement = f"UPDATE `tabAI Usage Window` SET used = CASE name {cases} ELSE used END, ends_at = CASE name {cases} ELSE ends_at END{shares} WHERE {guards}"  # noqa: S608
	new_values = [(window.row, window.used + costs[window.meter]) for window in windows]
	new_ends = [(window.row, window.ends_at) for window in windows]
	new_shares = [(window.row, window.not_bought) for window in begun]
	read = [(window.row, *(window.read or (0, window.ends_at))) for window in windows]
	frappe.db.sql(statement, [value for row in (*new_values, *new_ends, *new_shares, *read) for value in row])
	return affected_rows() == len(windows)


def _insert(subscription: str, window: Window) -> None:
	window.row = add_window(subscription, window.meter, window.name, 0, window.ends_at, window.not_bought)
	window.read = (0, window.ends_at)


def correct(subscription: str, windows: list[Window], changes: dict[str, int]) -> None:
	"""Count more or less in windows that still run, never below nothing. The caller holds the subscription's lock."""
	for window in windows:
		used = max(0, window.used + changes.get(window.meter, 0))
		if used == window.used:
			continue
		if not window.row:
			_insert(subscription, window)
		values = (used, window.not_bought, window.ends_at, window.row)
		frappe.db.sql(
			"UPDATE `tabAI Usage Window` SET used = %s, not_bought = %s, ends_at = %s WHERE name = %s", values
		)
		window.used, window.taken = used, used - window.used
