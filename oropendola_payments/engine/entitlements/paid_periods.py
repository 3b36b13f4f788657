"""The periods of a subscription that are paid for and not over yet, and what their unused days are worth."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import frappe
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.money import to_decimal, to_minor, unused_share

FIELDS = (
	"name",
	"plan",
	"period_start",
	"period_end",
	"paused_days",
	"period_days",
	"currency",
	"net_amount",
	"tax_amount",
	"tax_rate",
)


@dataclass(frozen=True)
class PaidPeriod:
	"""One period as it was sold. `full` and `tax` are for all its days, in minor units; `ends_on` is not served any more.

	Of an invoice that is paid in parts, `ends_on` is the end of the days that are covered, and `days` are those of the whole period.
	"""

	invoice: str
	plan: str
	starts_on: date
	ends_on: date
	days: int
	full: int
	tax: int
	currency: str
	tax_rate: Decimal

	def days_left(self, on: date | None = None) -> int:
		"""Return the paid days that are not over on that date, which counts itself; all of them before the period starts."""
		return max(0, min(self.days, (self.ends_on - max(on or today(), self.starts_on)).days))

	def unused(self, on: date | None = None) -> int:
		"""Return the net value of the days left, in minor units."""
		return unused_share(self.full, self.days_left(on), self.days)


def paid_periods(subscription: str, on: date | None = None) -> list[PaidPeriod]:
	"""Return the paid periods that are not over, the earliest first. A renewal paid ahead is one that has not started.

	`on` is another day than today: a paused subscription stands on the day of its pause.
	"""
	rows = _fulfilled_invoices(subscription, on or today())
	return [period for row in rows if (period := _period(row)).days > 0]


def _fulfilled_invoices(subscription: str, on: date) -> list[frappe._dict]:
	"""A partial refund ends no period. An Upgrade buys none of its own: it changes those that were bought before.

	Until it is fulfilled, an invoice has a period only if its parts buy days. Then its period ends with the days that are covered.
	"""
	filters = {
		"subscription": subscription,
		"purpose": ("!=", "Upgrade"),
		"status": ("in", ("Paid", "Partly Refunded", "Partly Paid", "Processing", "Closed")),
		"period_end": (">", on),
	}
	return frappe.get_all("AI Invoice", filters, FIELDS, order_by="period_start, creation")


def _period(row: frappe._dict) -> PaidPeriod:
	start, end = getdate(row.period_start), getdate(row.period_end)
	return PaidPeriod(
		invoice=row.name,
		plan=row.plan,
		starts_on=start,
		ends_on=end,
		days=cint(row.period_days) or (end - start).days - cint(row.paused_days),
		full=to_minor(row.net_amount or 0, row.currency),
		tax=to_minor(row.tax_amount or 0, row.currency),
		currency=row.currency,
		tax_rate=to_decimal(row.tax_rate or 0),
	)
