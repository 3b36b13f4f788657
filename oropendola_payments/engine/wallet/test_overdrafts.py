"""What was used without credits is paid by the next ones, however they come: added by a correction, given back, or restored."""

from decimal import Decimal

import frappe
from frappe.utils import add_days

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.wallet import balance, corrections, draw
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import credits_of, give, ledger, problems
from oropendola_payments.tests.support.factories import create_user
from oropendola_payments.tests.support.parallel import in_parallel


class TestOverdrafts(TestCase):
	def setUp(self):
		self.user = create_user()
		self.grant = give(self.user, 10)
		draw.draw(self.user, "any-plan", 6000, reference="job")
		self.assertEqual(draw.draw_up_to(self.user, "any-plan", 7000, reference="other job"), 4000)
		frappe.db.commit()
		self.assertEqual(self.unpaid(), 3)

	def tearDown(self):
		self.assertEqual(problems(self.user), [])

	def unpaid(self) -> float:
		return balance.summary(self.user)["overdrawn"]

	def give_back(self, credits: int) -> int:
		return in_transaction(draw.give_back, self.user, "job", credits * 1000) // 1000

	def test_a_correction_upwards_pays_what_was_used_without_credits(self):
		"""U30"""
		answer = corrections.correct(self.grant.name, Decimal(5), "A test")
		self.assertEqual((answer["remaining"], credits_of(self.user), self.unpaid()), (2, 2, 0))
		self.assertEqual(ledger(self.user)[-2:], [("Corrected", 5), ("Used", -3)])

	def test_credits_that_come_back_pay_what_was_used_without_credits(self):
		"""U30"""
		self.assertEqual((self.give_back(2), credits_of(self.user), self.unpaid()), (2, 0, 1))
		self.assertEqual((self.give_back(4), credits_of(self.user), self.unpaid()), (4, 3, 0))

	def test_credits_that_come_back_after_their_last_day_pay_nothing(self):
		frappe.db.set_value("AI Credit Grant", self.grant.name, "valid_until", add_days(today(), -1))
		self.give_back(2)
		self.assertEqual(self.unpaid(), 3)
		corrections.correct(self.grant.name, Decimal(1), "A test")
		self.assertEqual(self.unpaid(), 3)

	def test_a_correction_downwards_changes_no_overdraft(self):
		self.give_back(6)
		corrections.correct(self.grant.name, Decimal(-1), "A test")
		self.assertEqual((credits_of(self.user), self.unpaid()), (2, 0))

	def test_corrections_and_returns_at_once_pay_it_once(self):
		"""U30"""

		def do(number: int):
			if number % 2:
				corrections.correct(self.grant.name, Decimal(1), "A test")
			else:
				self.give_back(1)

		results = in_parallel(6, do)
		self.assertEqual([result for result in results if isinstance(result, Exception)], [])
		self.assertEqual((credits_of(self.user), self.unpaid()), (3, 0))
