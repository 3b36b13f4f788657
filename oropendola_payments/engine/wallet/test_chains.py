"""Chains of grants, uses, returns, refunds and expiry in any order, against a wallet kept on paper."""

from decimal import Decimal

import frappe
from frappe.utils import add_days
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.refunds import ledger
from oropendola_payments.engine.refunds.record import open_refund
from oropendola_payments.engine.wallet import draw, expiry, refunds
from oropendola_payments.exceptions import Unprocessable
from oropendola_payments.gateways.base import RefundEvent, RefundOutcome
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import buy_pack, create_pack, give, grant_of, problems
from oropendola_payments.tests.support.factories import create_active_subscription
from oropendola_payments.tests.support.proofs import examples

STEPS = st.one_of(
	st.tuples(st.just("give"), st.integers(1, 50), st.integers(0, 3)),
	st.tuples(st.just("use"), st.integers(1, 300), st.integers(0, 3)),
	st.tuples(st.just("return"), st.integers(1, 300), st.integers(0, 3)),
	st.tuples(st.just("refund"), st.integers(1, 500), st.booleans()),
	st.tuples(st.just("fail"), st.integers(0, 3), st.none()),
	st.tuples(st.just("day"), st.just(0), st.none()),
)


class TestChains(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.pack = create_pack(units=100, price=333)

	@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
	@given(st.lists(STEPS, max_size=12))
	def test_in_any_order_the_wallet_is_the_sum_of_its_lines(self, story):
		"""U18."""
		self.user = create_active_subscription().user
		self.invoice = buy_pack(self.user, self.pack)
		self.used: dict[str, int] = {}
		self.open: list[str] = []
		for step, amount, option in story:
			getattr(self, f"do_{step}")(amount, option)
			frappe.db.commit()
			self.assertEqual(problems(self.user), [], step)
			self.assert_money_and_credits_agree()

	def do_give(self, credits: int, days: int):
		give(self.user, credits, days)

	def do_use(self, credits: int, job: int):
		before = self.balance()
		left = draw.draw(self.user, "any-plan", credits * 1000, reference=f"job-{job}")
		self.assertEqual(left, None if before < credits * 1000 else before - credits * 1000)
		if left is not None:
			self.used[f"job-{job}"] = self.used.get(f"job-{job}", 0) + credits * 1000

	def do_return(self, credits: int, job: int):
		taken = self.used.get(f"job-{job}", 0)
		back = draw.give_back(self.user, f"job-{job}", credits * 1000)
		self.assertEqual(back, min(taken, credits * 1000))
		self.used[f"job-{job}"] = taken - back

	def do_refund(self, amount: int, everything: bool):
		invoice = self.locked_invoice()
		grant = grant_of(invoice)
		worth = Decimal(333) * grant.remaining / grant.granted
		try:
			allowed = refunds.amount_to_refund(invoice, None if everything else Decimal(amount))
		except Unprocessable:
			frappe.db.rollback()
			return
		self.assertLessEqual(allowed, worth, "never more than what is unused costs")
		capture = frappe.get_last_doc("Payment Capture", {"invoice": invoice.name})
		self.open.append(open_refund(invoice, capture, allowed, "A test").name)

	def do_fail(self, number: int, _option):
		if self.open:
			refund = self.open.pop(number % len(self.open))
			ledger.record(refund, RefundEvent(RefundOutcome.FAILED, key=refund))

	def do_day(self, _amount, _option):
		"""The oldest gift reaches its end."""
		name = frappe.db.get_value("AI Credit Grant", {"user": self.user, "kind": "Gift"}, "name")
		frappe.db.set_value("AI Credit Grant", name, "valid_until", add_days(today(), -1))
		expiry.expire_due()

	def locked_invoice(self):
		from oropendola_payments.engine.core.transactions import lock

		frappe.db.commit()
		return lock("AI Invoice", self.invoice.name)

	def balance(self) -> int:
		rows = frappe.get_all("AI Credit Grant", {"user": self.user}, ["remaining", "valid_until"])
		return sum(row.remaining for row in rows if not row.valid_until or row.valid_until >= today())

	def assert_money_and_credits_agree(self):
		"""What was refunded and what can still be used is never more than what was bought."""
		grant = grant_of(self.invoice)
		held = frappe.db.get_value("Payment Capture", {"invoice": self.invoice.name}, "amount_refunded")
		refunded = Decimal(str(held)) * grant.granted / 333
		self.assertLessEqual(grant.remaining + refunded, grant.granted + Decimal("0.001"))
