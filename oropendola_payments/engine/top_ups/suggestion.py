"""How much of its limits a subscription has used, so that a page can suggest credits before they are used up."""

from decimal import Decimal
from typing import Any

import frappe
from frappe.utils import cint, now_datetime

from oropendola_payments.ai_billing.current import current
from oropendola_payments.engine.entitlements.windows import term_of
from oropendola_payments.engine.metering import counters, quota
from oropendola_payments.engine.metering.credits import SPEED
from oropendola_payments.engine.top_ups.offers import SUGGEST_FROM

FIELDS = ["name", "unique_key", "used", "not_bought", "ends_at"]


def used_percent(row: Any) -> int:
	"""Return how many percent of the day or of a longer window are used, of the one that is used most."""
	shares = [_day(row), *(_share(window) for window in _windows(row) if window.name not in SPEED)]
	return min(100, int(max(shares) * 100))


def is_needed(percent: int) -> bool:
	return percent >= SUGGEST_FROM * 100


def _day(row: Any) -> Decimal:
	limit = cint(row.daily_quota_limit)
	return 1 - Decimal(quota.left_today(row)) / limit if limit > 0 else Decimal(0)


def _share(window: counters.Window) -> Decimal:
	return 1 - Decimal(window.remaining) / window.limit if window.limit else Decimal(1)


def _windows(row: Any) -> list[counters.Window]:
	plan = current("AI Plan", row.plan)
	if not plan.limits:
		return []
	known = frappe.get_all("AI Usage Window", {"subscription": row.name}, FIELDS)
	return counters.windows_from(known, row.name, plan.limits, term_of(row, plan), now_datetime())
