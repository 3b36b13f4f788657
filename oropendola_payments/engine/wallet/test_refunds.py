"""Credits follow their money: only unused ones are refunded, and what a gateway takes back is taken from the wallet as far as it is there."""

from decimal import Decimal

import frappe
from frappe.utils import add_days

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.refunds import create, ledger, notices
from oropendola_payments.engine.settlement import disputes, settle
from oropendola_payments.engine.top_ups import buy
from oropendola_payments.engine.wallet import draw, entries, expiry
from oropendola_payments.exceptions import Unprocessable
from oropendola_payments.gateways.base import DisputeEvent, RefundEvent, RefundOutcome
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import create_pack, credits_of, grant_of, problems
from oropendola_payments.tests.support.credits import ledger as lines_of
from oropendola_payments.tests.support.factories import create_active_subscription
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.parallel import as_retried, meanwhile


class RefundCase(TestCase):
	def setUp(self):
		self.journey = Journey("payu", user=create_active_subscription().user)
		self.user = self.journey.user
		self.journey.invoice = buy.buy(self.user, create_pack(price=500).name)["invoice_id"]
		self.journey.deliver_return(self.journey.customer_pays(self.journey.start()))
		self.assertEqual(credits_of(self.user), 1000)

	def tearDown(self):
		self.assertEqual(problems(self.user), [])

	def use(self, credits: int):
		draw.draw(self.user, "any-plan", credits * 1000)
		frappe.db.commit()

	def refund(self, amount=None) -> str:
		return create.create_refund(self.journey.invoice, amount and Decimal(amount), "A test")["refund"]

	def finish(self, refund: str, outcome=RefundOutcome.REFUNDED):
		ledger.record(refund, RefundEvent(outcome, key=refund))

	def amount_of(self, refund: str) -> float:
		return float(frappe.db.get_value("Payment Refund", refund, "amount"))

	def refused(self, amount=None) -> str:
		with self.assertRaises(Unprocessable) as raised:
			self.refund(amount)
		self.assertEqual(self.journey.refunds(), [])
		return str(raised.exception)


class TestRefundsOfOurs(RefundCase):
	def test_what_went_back_is_counted_as_it_is_now_although_the_transaction_began_earlier(self):
		grant = grant_of(self.journey.invoice).name
		frappe.db.commit()
		frappe.get_all("AI Credit Entry", limit=1)  # the snapshot of this transaction begins here
		meanwhile(lambda: self.refund(100))
		net = as_retried(lambda: entries.net(grant, ("Refunded", "Restored")))
		self.assertEqual(net, -200_000)
		frappe.db.rollback()

	def test_a_refund_takes_all_unused_credits_at_once_and_makes_the_invoice_refunded(self):
		refund = self.refund()
		self.assertEqual((credits_of(self.user), self.amount_of(refund)), (0, 500))
		self.finish(refund)
		self.assertEqual((self.journey.status(), self.journey.subscription_status()), ("Refunded", "Pending"))

	def test_without_an_amount_only_what_is_unused_is_refunded(self):
		"""U22."""
		self.use(400)
		refund = self.refund()
		self.assertEqual((self.amount_of(refund), credits_of(self.user)), (300, 0))
		self.finish(refund)
		self.assertEqual(self.journey.status(), "Partly Refunded")

	def test_more_than_is_unused_is_refused_with_the_amount_that_is(self):
		"""U22."""
		self.use(400)
		self.assertIn("At most ₹300.00", self.refused(301))
		self.assertEqual(credits_of(self.user), 600)

	def test_a_partial_refund_takes_its_share(self):
		self.finish(self.refund(100))
		self.assertEqual(credits_of(self.user), 800)
		self.finish(self.refund(50))
		self.assertEqual(credits_of(self.user), 700)

	def test_used_and_expired_credits_are_not_refunded(self):
		self.use(1000)
		self.assertIn("nothing to refund", self.refused())

	def test_expired_credits_are_not_refunded(self):
		frappe.db.set_value(
			"AI Credit Grant", grant_of(self.journey.invoice).name, "valid_until", add_days(today(), -1)
		)
		expiry.expire_due()
		self.refused()

	def test_credits_whose_last_day_is_over_are_not_refunded_before_the_job_comes_either(self):
		last_day = {"valid_until": add_days(today(), -1)}
		frappe.db.set_value("AI Credit Grant", grant_of(self.journey.invoice).name, last_day)
		self.refused()

	def test_a_payment_in_another_currency_makes_no_used_credits_refundable(self):
		self.use(1000)
		attempt = self.journey.attempts()[0]
		settle.settle("payu", paid(attempt, 50, "USD", payment_id=f"dollars-{attempt}"))
		self.refused(50)

	def test_a_refund_that_failed_gives_the_credits_back(self):
		refund = self.refund(200)
		self.assertEqual(credits_of(self.user), 600)
		self.finish(refund, RefundOutcome.FAILED)
		self.assertEqual(credits_of(self.user), 1000)
		self.assertEqual(lines_of(self.user)[1:], [("Refunded", -400), ("Restored", 400)])

	def test_rounding_never_refunds_more_than_is_unused(self):
		self.use(999)
		refund = self.refund()
		self.assertEqual((self.amount_of(refund), credits_of(self.user)), (0.5, 0))

	def test_a_double_payment_is_refunded_and_takes_no_credits(self):
		self.use(1000)
		attempt = self.journey.attempts()[0]
		settle.settle("payu", paid(attempt, 500, payment_id=f"again-{attempt}"))
		(refund,) = self.journey.refunds()
		self.assertEqual((float(refund.amount), grant_of(self.journey.invoice).owed), (500, 0))
		self.finish(refund.name)
		self.assertEqual(self.journey.status(), "Paid")


class TestMoneyThatOthersTakeBack(RefundCase):
	def external_refund(self, amount: int):
		capture = self.journey.captures()[0]
		event = RefundEvent(
			RefundOutcome.REFUNDED,
			amount=Decimal(amount),
			currency="INR",
			refund_id=f"outside-{self.journey.invoice}-{amount}",
			payment_id=capture.gateway_payment_id,
		)
		notices.record_notice("payu", event)

	def dispute(self, state: str):
		capture = self.journey.captures()[0]
		disputes.record(
			"payu", DisputeEvent(state, payment_id=capture.gateway_payment_id, reason="Not received")
		)

	def owed(self) -> float:
		return grant_of(self.journey.invoice).owed / 1000

	def test_a_refund_in_the_dashboard_takes_what_is_left_and_shows_the_rest(self):
		"""U23."""
		self.use(700)
		self.external_refund(500)
		self.assertEqual((credits_of(self.user), self.owed()), (0, 700))
		self.assertIn("700 of the refunded credits", self.journey.doc().review_reason)
		self.assertEqual(self.journey.status(), "Refunded")

	def test_a_dispute_freezes_the_credits_until_it_is_won(self):
		"""U23."""
		self.use(100)
		self.dispute("open")
		self.assertEqual((credits_of(self.user), self.owed()), (0, 100))
		self.dispute("won")
		self.assertEqual((credits_of(self.user), self.owed()), (900, 0))

	def test_a_lost_dispute_takes_the_credits_once(self):
		self.dispute("open")
		self.dispute("lost")
		self.assertEqual(lines_of(self.user), [("Granted", 1000), ("Refunded", -1000)])

	def test_what_comes_back_from_a_job_pays_what_is_owed_first(self):
		"""U23: money and credits never come back together."""
		draw.draw(self.user, "any-plan", 600_000, reference="job")
		frappe.db.commit()
		self.external_refund(500)
		self.assertEqual(self.owed(), 600)
		draw.give_back(self.user, "job", 200_000)
		frappe.db.commit()
		self.assertEqual((credits_of(self.user), self.owed()), (0, 400))
