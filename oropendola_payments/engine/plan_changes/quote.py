"""What a change of plan costs: the price of the new plan for the days that are left, minus what the old plan's days are worth.

Whole days and whole minor units, half up, with the prices as they were sold. Nothing here reads or writes a record.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import FROM_THE_FIRST_DAY, AIPlan
from oropendola_payments.ai_billing.periods import add_interval
from oropendola_payments.engine.entitlements.paid_periods import PaidPeriod
from oropendola_payments.engine.metering.unused_value import Use, used_up
from oropendola_payments.money import from_minor, to_decimal, to_minor, unused_share

NOW, PERIOD_END = "Now", "Period End"
DAYS = {"Day": 1, "Month": 30, "Year": 365}


@dataclass(frozen=True)
class Facts:
	"""What a quote is computed from. `price` and amounts contain tax if the site's prices do (`with_tax`)."""

	state: str  # of the subscription
	end_date: date | None
	from_plan: AIPlan
	to_plan: AIPlan
	periods: tuple[PaidPeriod, ...]
	price: Decimal
	currency: str
	on: date
	with_tax: bool
	tax_on: Callable[[Decimal, str], dict]  # net amount, tax and tax lines of a price
	least: Decimal = Decimal(0)
	uses: tuple[Use, ...] = ()  # of the old plan's long limits
	discounts: Mapping[str, Decimal] = field(
		default_factory=dict
	)  # by the invoice of a period, if its coupon goes along

	def full(self) -> dict:
		"""Return net amount and tax of the whole price."""
		return self.tax_on(self.price, self.currency)

	def new_price(self, period: PaidPeriod | None) -> Decimal:
		"""Return the whole price of the new plan for this period."""
		return self.price - (self.discounts.get(period.invoice, Decimal(0)) if period else Decimal(0))

	def is_free(self) -> bool:
		return self.to_plan.is_really_free()

	def worth(self, period: PaidPeriod) -> int:
		"""Return the whole price of a period in the site's way to state prices."""
		return period.full + period.tax if self.with_tax else period.full

	def used_up(self, period: PaidPeriod, restarts: bool) -> tuple[int, int]:
		"""Return what of the days left is used up, net and tax. A limit that goes on with the new plan goes on counting instead."""
		if not self.uses:
			return 0, 0
		kept = {(limit.meter, limit.time_window) for limit in self.to_plan.limits}
		over = [
			use
			for use in self.uses
			if (restarts and use.window in FROM_THE_FIRST_DAY) or (use.meter, use.window) not in kept
		]
		return used_up(period.full, period, self.on, over), used_up(period.tax, period, self.on, over)


@dataclass(frozen=True)
class Line:
	"""One period: what its days left are worth with the old plan (`credit`) and cost with the new one (`charge`), in minor units."""

	starts_on: date
	ends_on: date | None
	days: int
	days_left: int
	credit: int = 0
	charge: int = 0
	before: PaidPeriod | None = None
	after: dict | None = None  # net amount and tax of the whole price of the new plan, unless the period ends
	used_up: tuple[int, int] = (0, 0)  # what of the days left is not worth anything any more, net and tax


@dataclass(frozen=True)
class Quote:
	timing: str
	restarts: bool
	effective_on: date
	ends_on: date | None
	currency: str
	with_tax: bool
	lines: tuple[Line, ...]
	amounts: dict  # of the invoice, as `tax_on` gives them
	due: Decimal
	waived: Decimal

	def credit(self) -> int:
		return sum(line.credit for line in self.lines)

	def charge(self) -> int:
		return sum(line.charge for line in self.lines)


def quote(facts: Facts) -> Quote:
	"""Return what the change costs and when it takes effect: at once, or at the end of the paid period where it would be refunded."""
	if not _may_be_immediate(facts):
		return _at_period_end(facts)
	restarts = not facts.periods or not _same_interval(facts)
	lines = _new_period(facts) if restarts else tuple(_rest_of(period, facts) for period in facts.periods)
	price = sum(line.charge - line.credit for line in lines)
	if price < 0 or any(line.before and line.after and line.charge < line.credit for line in lines):
		return _at_period_end(facts)
	amounts = _amounts(facts, lines, price)
	if amounts.get("tax_amount", 0) < 0:
		return _at_period_end(facts)
	due = _total(amounts)
	waived = due if 0 < due < facts.least else Decimal(0)
	return Quote(
		timing=NOW,
		restarts=restarts,
		effective_on=facts.on,
		ends_on=lines[-1].ends_on if lines else None,
		currency=facts.currency,
		with_tax=facts.with_tax,
		lines=lines,
		amounts=_nothing(facts) if waived else amounts,
		due=due - waived,
		waived=waived,
	)


# When ---------------------------------------------------------------------------------------------


def _may_be_immediate(facts: Facts) -> bool:
	"""Nothing that was paid for may be lost: a shorter interval, another currency and a free plan wait for the period's end."""
	if not facts.periods:
		return not _runs_unpaid(facts)
	if facts.is_free() or any(period.currency != facts.currency for period in facts.periods):
		return False
	return _same_interval(facts) or _is_longer(facts)


def _runs_unpaid(facts: Facts) -> bool:
	"""Return whether days would be lost for which there is no invoice: set by hand, or a trial before a free plan."""
	dated = facts.end_date is not None and facts.end_date > facts.on
	return dated and (facts.state == "Active" or (facts.state == "Trial" and facts.is_free()))


def _same_interval(facts: Facts) -> bool:
	new = (facts.to_plan.billing_interval, int(facts.to_plan.interval_count))
	return all(_interval(period, facts) == new for period in facts.periods)


def _is_longer(facts: Facts) -> bool:
	new = DAYS[facts.to_plan.billing_interval] * int(facts.to_plan.interval_count)
	return all(
		new > DAYS[unit] * count for unit, count in (_interval(period, facts) for period in facts.periods)
	)


def _interval(period: PaidPeriod, facts: Facts) -> tuple[str, int]:
	if period.interval:
		return period.interval, period.interval_count
	return facts.from_plan.billing_interval, int(facts.from_plan.interval_count)


def _at_period_end(facts: Facts) -> Quote:
	return Quote(
		timing=PERIOD_END,
		restarts=False,
		effective_on=facts.end_date or facts.on,
		ends_on=None,
		currency=facts.currency,
		with_tax=facts.with_tax,
		lines=(),
		amounts=_nothing(facts),
		due=Decimal(0),
		waived=Decimal(0),
	)


# How much -----------------------------------------------------------------------------------------


def _rest_of(period: PaidPeriod, facts: Facts) -> Line:
	"""The same period goes on with the new plan."""
	price = facts.new_price(period)
	line = _old_part(period, facts, restarts=False)
	return replace(
		line,
		charge=unused_share(to_minor(price, facts.currency), line.days_left, period.days),
		after=facts.tax_on(price, facts.currency),
	)


def _new_period(facts: Facts) -> tuple[Line, ...]:
	"""The paid periods end today, and a whole one starts."""
	return (*(_old_part(period, facts, restarts=True) for period in facts.periods), _first_line(facts))


def _old_part(period: PaidPeriod, facts: Facts, *, restarts: bool) -> Line:
	"""The days left of a period as they were sold."""
	left, (net, tax) = period.days_left(facts.on), facts.used_up(period, restarts)
	return Line(
		starts_on=period.starts_on,
		ends_on=period.ends_on,
		days=period.days,
		days_left=left,
		credit=max(
			0, unused_share(facts.worth(period), left, period.days) - net - (tax if facts.with_tax else 0)
		),
		before=period,
		used_up=(net, tax),
	)


def _first_line(facts: Facts) -> Line:
	if facts.is_free():
		return Line(facts.on, None, 0, 0, after=facts.full())
	end = add_interval(facts.on, facts.to_plan.billing_interval, int(facts.to_plan.interval_count))
	days, price = (end - facts.on).days, facts.new_price(facts.periods[0] if facts.periods else None)
	charge, after = to_minor(price, facts.currency), facts.tax_on(price, facts.currency)
	return Line(facts.on, end, days, days, charge=charge, after=after)


def _amounts(facts: Facts, lines: tuple[Line, ...], price: int) -> dict:
	"""Return net and tax of the difference. Days that were sold with another tax rate are credited with the tax they were sold with."""
	rate = to_decimal(facts.full().get("tax_rate") or 0)
	if all(line.before.tax_rate == rate for line in lines if line.before):
		return facts.tax_on(from_minor(price, facts.currency), facts.currency)
	charged = facts.tax_on(from_minor(sum(line.charge for line in lines), facts.currency), facts.currency)
	return _minus(charged, lines, facts)


def _minus(charged: dict, lines: tuple[Line, ...], facts: Facts) -> dict:
	"""Take off the unused days with a tax line of their own for each period."""
	net, tax, rows = (
		to_decimal(charged["net_amount"]),
		to_decimal(charged.get("tax_amount") or 0),
		[*charged.get("taxes", [])],
	)
	for line in lines:
		if not line.before:
			continue
		shares = (line.before.unused(facts.on), line.before.unused_tax(facts.on))
		unused, taxed = (
			from_minor(share - gone, facts.currency) for share, gone in zip(shares, line.used_up, strict=True)
		)
		net, tax = net - unused, tax - taxed
		row = {"label": charged.get("tax_label") or "Tax", "rate": line.before.tax_rate}
		rows.append({**row, "taxable_amount": -unused, "amount": -taxed})
	return {**charged, "net_amount": net, "tax_amount": tax, "taxes": rows}


def _nothing(facts: Facts) -> dict:
	"""Return the amounts of an invoice that asks for nothing."""
	full = facts.full()
	zero = from_minor(0, facts.currency)
	rows = [{**row, "taxable_amount": zero, "amount": zero} for row in full.get("taxes", [])]
	return {**full, "net_amount": zero, "tax_amount": zero, "taxes": rows}


def _total(amounts: dict) -> Decimal:
	return to_decimal(amounts["net_amount"]) + to_decimal(amounts.get("tax_amount") or 0)
