"""A pack that was paid with several payments: its credits follow each of them, whatever happened before the last one."""

from decimal import Decimal

from oropendola_payments.engine.refunds import create, ledger
from oropendola_payments.engine.settlement import disputes, settle
from oropendola_payments.engine.top_ups import buy
from oropendola_payments.gateways.base import DisputeEvent, RefundEvent, RefundOutcome
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import create_pack, credits_of, grant_of, problems
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.factories import create_active_subscription
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.journey import Journey


class TestPacksInParts(TestCase):
	def setUp(self):
		self.journey = Journey("payu", user=create_active_subscription().user)
		self.user = self.journey.user
		self.journey.invoice = buy.buy(self.user, create_pack(price=500).name)["invoice_id"]
		settle.settle("payu", paid(self.journey.start(), 250, payment_id=f"first-{self.journey.invoice}"))
		self.assertEqual((self.journey.status(), credits_of(self.user)), ("Partly Paid", 0))

	def tearDown(self):
		self.assertEqual(problems(self.user), [])

	def dispute(self, state: str):
		first = self.journey.captures()[0]
		disputes.record("payu", DisputeEvent(state, payment_id=first.gateway_payment_id, reason="Not mine"))

	def refund(self, amount: int):
		create.create_refund(self.journey.invoice, Decimal(amount), "A test")
		for refund in self.journey.refunds():
			ledger.record(refund.name, RefundEvent(RefundOutcome.REFUNDED, key=refund.name))

	def test_a_part_that_is_disputed_before_the_last_one_is_paid_buys_no_credits_until_it_is_won(self):
		self.dispute("open")
		pay(self.journey.invoice)
		self.assertEqual((self.journey.status(), credits_of(self.user)), ("Paid", 500))
		self.dispute("won")
		self.assertEqual((credits_of(self.user), grant_of(self.journey.invoice).owed), (1000, 0))

	def test_a_part_that_was_refunded_and_paid_again_takes_no_credits_with_the_next_refund(self):
		self.refund(100)
		pay(self.journey.invoice)
		self.assertEqual(credits_of(self.user), 1000)
		self.refund(50)
		self.assertEqual(credits_of(self.user), 900)

	def test_all_that_is_kept_can_be_refunded_after_a_part_was_refunded_and_paid_again(self):
		self.refund(100)
		pay(self.journey.invoice)
		self.refund(500)
		self.assertEqual((self.journey.status(), credits_of(self.user)), ("Refunded", 0))
