"""The periods of a subscription that are paid for and not over yet, and what their unused days are worth."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import frappe
from frappe.query_builder import DocType
from frappe.query_builder.functions import Date, Sum
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.money import to_decimal, to_minor, unused_share

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
	from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription

# A partial refund ends no period. Until it is fulfilled, an invoice has a period only if its parts buy days.
PAID = ("Paid", "Partly Refunded", "Partly Paid", "Processing", "Closed")
FIELDS = ("name", "plan", "purpose", "period_start", "period_end", "paused_days", "period_days", "covered_days", "currency", "net_amount",
	"tax_amount", "tax_rate", "status", "needs_review", "coupon", "billing_interval", "interval_count")  # fmt: skip
LINE_FIELDS = ("period_invoice", "days_left", "plan_after", "full_after", "full_tax_after", "tax_rate_after")
CHANGE_FIELDS = ("from_plan", "applied_on", "restarts")


@dataclass(frozen=True)
class Step:
	"""A change of plan that was made while a paid period ran, with the plan before it."""

	plan: str
	on: date
	invoice: str | None = None  # of the period
	days_left: int = 0  # of the period
	restarts: bool = False  # a new period began with it
	paused_days: int = 0  # since then


@dataclass(frozen=True)
class PaidPeriod:
	"""One period as it was sold, or as a later change of plan made it. `full` and `tax` are for all its days, in minor units.

	`ends_on` is not served any more, as in an invoice. Of an invoice that is paid in parts, it is the end of the days that are
	covered, and `days` are those of the whole period.
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
	interval: str | None = None
	interval_count: int = 1
	coupon: str | None = None
	is_owed: bool = False  # more parts are to be paid
	days_owed: int = 0  # the days that they would buy
	days_not_bought: int = 0  # the same, also after the rest was given up
	needs_review: bool = False
	steps: tuple[Step, ...] = ()  # of the subscription, in their order

	def days_left(self, on: date | None = None) -> int:
		"""Return the paid days that are not over on that date, which counts itself; all of them before the period starts."""
		return max(0, min(self.days, (self.ends_on - max(on or today(), self.starts_on)).days))

	@property
	def days_moved(self) -> int:
		"""The days without service that lie in it: pauses, and gaps between its parts."""
		whole = (self.ends_on - self.starts_on).days + self.days_not_bought
		return max(0, whole - self.days)

	def ends_with_all_parts(self) -> date:
		"""Return the end that the period has once all its parts are paid."""
		return self.ends_on + timedelta(days=self.days_owed)

	def unused(self, on: date | None = None) -> int:
		"""Return the net value of the days left, in minor units."""
		return unused_share(self.full, self.days_left(on), self.days)

	def unused_tax(self, on: date | None = None) -> int:
		"""Return the tax on the value of the days left, in minor units."""
		return unused_share(self.tax, self.days_left(on), self.days)


def stands_on(subscription: "AISubscription") -> date:
	"""Return the day up to which its periods have run: today, or the day of the pause."""
	return getdate(subscription.paused_on) if subscription.status == "Paused" else today()


def paid_periods(subscription: str, on: date | None = None) -> list[PaidPeriod]:
	"""Return the paid periods that are not over, the earliest first. A renewal paid ahead is one that has not started.

	`on` is another day than today: a paused subscription stands on the day of its pause.
	"""
	filters = {
		"subscription": subscription,
		"status": ("in", PAID),
		"period_end": (">", on or today()),
	}
	rows = frappe.get_all("AI Invoice", filters, FIELDS, order_by="period_start, creation")
	return _periods(rows, _changes(subscription)) if rows else []


def next_paid(subscription: str, on: date) -> PaidPeriod | None:
	"""Return the paid period that runs on this day, or else the next one."""
	return next(iter(paid_periods(subscription, on)), None)


def periods_of(subscription: str, invoices: "list[AIInvoice]") -> list[PaidPeriod]:
	"""As `paid_periods`, from all invoices of the subscription, which the caller has locked."""
	rows = [
		invoice
		for invoice in invoices
		if invoice.status in PAID and invoice.period_end and getdate(invoice.period_end) > today()
	]
	rows.sort(key=lambda row: (getdate(row.period_start), str(row.creation)))
	was_changed = any(invoice.purpose == "Upgrade" and invoice.fulfilled_on for invoice in invoices)
	return _periods(rows, _changes(subscription) if was_changed else [])


def _changes(subscription: str) -> list[frappe._dict]:
	"""Return the lines of the applied changes of plan, the latest last."""
	change, line = DocType("AI Plan Change"), DocType("AI Plan Change Line")
	pause = DocType("AI Subscription Pause")
	paused = frappe.qb.from_(pause).select(Sum(pause.days)).where(pause.parent == change.subscription)
	paused = paused.where(pause.paused_on >= Date(change.applied_on))
	query = frappe.qb.from_(line).join(change).on(change.name == line.parent)
	query = query.select(*(line[field] for field in LINE_FIELDS), *(change[field] for field in CHANGE_FIELDS))
	query = query.select(paused.as_("paused_since"))
	query = query.where(change.subscription == subscription).where(change.status == "Applied")
	return query.orderby(change.applied_on).orderby(change.creation).orderby(line.idx).run(as_dict=True)


def _periods(rows: list, changes: list[frappe._dict]) -> list[PaidPeriod]:
	latest = {change.period_invoice: change for change in changes}  # what it made of a period
	steps = tuple(
		Step(
			row.from_plan,
			getdate(row.applied_on),
			row.period_invoice,
			cint(row.days_left),
			bool(row.restarts),
			cint(row.paused_since),
		)
		for row in changes
	)
	found = [_period(row, latest.get(row.name)) for row in rows if _is_period(row, latest.get(row.name))]
	return [replace(period, steps=steps) for period in found if period.days > 0]


def _is_period(row: frappe._dict, change: frappe._dict | None) -> bool:
	"""An Upgrade buys a period of its own only if it started one, and a period that it replaced is none any more."""
	return bool(change.plan_after) if change else row.purpose != "Upgrade"


def _period(row: frappe._dict, change: frappe._dict | None) -> PaidPeriod:
	start, end = getdate(row.period_start), getdate(row.period_end)
	is_owed = row.status in ("Partly Paid", "Processing")
	missing = cint(row.period_days) - cint(row.covered_days) if cint(row.covered_days) else 0
	net, tax, rate = (row.net_amount, row.tax_amount, row.tax_rate)
	if change:
		net, tax, rate = (change.full_after, change.full_tax_after, change.tax_rate_after)
	return PaidPeriod(
		invoice=row.name,
		plan=change.plan_after if change else row.plan,
		starts_on=start,
		ends_on=end,
		days=cint(row.period_days) or (end - start).days - cint(row.paused_days),
		full=to_minor(net or 0, row.currency),
		tax=to_minor(tax or 0, row.currency),
		currency=row.currency,
		tax_rate=to_decimal(rate or 0),
		interval=row.billing_interval or None,
		interval_count=cint(row.interval_count) or 1,
		coupon=row.coupon or None,
		is_owed=is_owed,
		needs_review=bool(row.needs_review),
		days_owed=missing if is_owed else 0,
		days_not_bought=missing,
	)
