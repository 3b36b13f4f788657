"""Property test: no chain of changes creates or destroys money. What was paid = what was used + what is unused."""

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.engine.entitlements.paid_periods import PaidPeriod
from oropendola_payments.engine.plan_changes.quote import NOW, Facts, quote
from oropendola_payments.money import exponent_of, from_minor, to_minor
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.proofs import examples

FIRST = date(2026, 1, 15)
CURRENCIES = ("INR", "JPY", "KWD")  # 2, 0 and 3 decimals
prices = st.integers(0, 10**7)
steps = st.lists(
	st.tuples(st.integers(0, 40), prices, st.sampled_from(("Month", "Month", "Month", "Year", "Day"))),
	max_size=8,
)


def without_tax(price: Decimal, currency: str) -> dict:
	return {"net_amount": price, "tax_amount": Decimal(0)}


def plan(interval: str, name: str):
	return SimpleNamespace(
		name=name, billing_interval=interval, interval_count=1, is_really_free=lambda: False
	)


class Customer:
	"""Keeps books of their own: what was paid, and what each day that went by used up."""

	def __init__(self, currency: str, prices: list[int]):
		self.currency, self.today, self.used, self.number = currency, FIRST, 0, 0
		self.periods: list[PaidPeriod] = []
		start = FIRST
		for price in prices:
			end = start + timedelta(days=30)
			self.periods.append(self.period(start, end, price, "Month", "start"))
			start = end
		self.paid = sum(prices)

	def period(self, start: date, end: date, price: int, interval: str, name: str) -> PaidPeriod:
		self.number += 1
		return PaidPeriod(
			invoice=f"I{self.number}", plan=name, starts_on=start, ends_on=end, days=(end - start).days, full=price,
			tax=0, currency=self.currency, tax_rate=Decimal(0), interval=interval,
		)  # fmt: skip

	def unused(self) -> int:
		return sum(period.unused(self.today) for period in self.periods)

	def wait(self, days: int):
		before = self.unused()
		self.today += timedelta(days=days)
		self.used += before - self.unused()
		self.periods = [period for period in self.periods if period.ends_on > self.today]

	def choose(self, price: int, interval: str):
		if not self.periods:
			return None
		name = f"plan-{self.number}"
		made = quote(
			Facts(
				state="Active",
				end_date=self.periods[-1].ends_on,
				from_plan=plan("Month", self.periods[0].plan),
				to_plan=plan(interval, name),
				periods=tuple(self.periods),
				price=from_minor(price, self.currency),
				currency=self.currency,
				on=self.today,
				with_tax=False,
				tax_on=without_tax,
			)
		)
		if made.timing == NOW:
			self.paid += to_minor(made.due, self.currency)
			self.periods = [
				self.period(
					line.starts_on,
					line.ends_on,
					to_minor(line.after["net_amount"], self.currency),
					interval,
					name,
				)
				for line in made.lines
				if line.after
			]
		return made


class TestMoneyIsKept(TestCase):
	@settings(max_examples=examples(400), deadline=None)
	@given(st.sampled_from(CURRENCIES), st.lists(prices, min_size=1, max_size=3), steps)
	def test_paid_is_always_used_plus_unused(self, currency, bought, chain):
		customer = Customer(currency, bought)
		for days, price, interval in chain:
			customer.wait(days)
			made = customer.choose(price, interval)
			self.assertEqual(customer.paid, customer.used + customer.unused())
			if made:
				self.assertGreaterEqual(made.due, 0)
				self.assertEqual(made.due, made.due.quantize(Decimal(1).scaleb(-exponent_of(currency))))
				self.assertEqual(made.due, from_minor(made.charge() - made.credit(), currency))
		customer.wait(1000)
		self.assertEqual((customer.paid, customer.unused()), (customer.used, 0))

	@settings(max_examples=examples(300), deadline=None)
	@given(
		st.integers(0, 10**7),
		st.integers(0, 10**7),
		st.integers(1, 30),
		st.sampled_from(("0", "5", "18", "33.3")),
	)
	def test_the_lines_and_the_tax_add_up_to_the_total(self, old, more, left, rate):
		def taxed(price: Decimal, currency: str) -> dict:
			tax = (price * Decimal(rate) / 100).quantize(Decimal("0.01"))
			return {"net_amount": price, "tax_amount": tax, "tax_rate": Decimal(rate), "taxes": []}

		period = PaidPeriod(
			"I1",
			"s",
			FIRST,
			FIRST + timedelta(days=30),
			30,
			old,
			old * 18 // 100,
			"INR",
			Decimal(18),
			"Month",
		)
		made = quote(
			Facts(
				"Active", period.ends_on, plan("Month", "s"), plan("Month", "p"), (period,), from_minor(old + more, "INR"),
				"INR", period.ends_on - timedelta(days=left), False, taxed,
			)
		)  # fmt: skip
		if made.timing == NOW:
			net, tax = made.amounts["net_amount"], made.amounts["tax_amount"]
			self.assertEqual(net, from_minor(made.charge() - made.credit(), "INR"))
			self.assertEqual(made.due, net + tax)
			if Decimal(rate) != 18:
				self.assertEqual(
					sum(row["amount"] for row in made.amounts["taxes"]),
					-from_minor(period.unused_tax(period.ends_on - timedelta(days=left)), "INR"),
				)
