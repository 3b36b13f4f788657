"""Refunds made in the dashboard of a provider whose notice was lost: the sweeps find them."""

from decimal import Decimal

from oropendola_payments.engine.jobs import payment_jobs
from oropendola_payments.engine.refunds import notices
from oropendola_payments.exceptions import NotFound
from oropendola_payments.gateways.base import RefundEvent, RefundOutcome
from oropendola_payments.simulator.core.amounts import to_minor
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import unique
from oropendola_payments.tests.support.journey import GATEWAYS, PRICE, Journey
from oropendola_payments.tests.support.simulated import deliver
from oropendola_payments.tests.support.time_travel import clear_due_records, make_due, sweep

# PhonePe reports a refund only when it is queried by the id of that refund.
TELLING = tuple(code for code in GATEWAYS if code != "phonepe")
HALF = to_minor("249.50", "INR")


class DashboardCase(TestCase):
	def setUp(self):
		clear_due_records()

	def paid_journey(self, gateway: str) -> tuple[Journey, str]:
		journey = Journey(gateway)
		attempt = journey.start()
		journey.deliver_return(journey.customer_pays(attempt))
		journey.deliver_all()
		self.assertEqual(journey.status(), "Paid")
		return journey, attempt

	def send_back_silently(self, journey: Journey, attempt: str, amount_minor: int | None = None):
		journey.sim.refund_from_dashboard(journey.gateway, attempt, amount_minor)
		journey.take_webhooks()


class TestAfterThePayment(DashboardCase):
	def test_a_full_dashboard_refund_is_recorded(self):
		"""R36."""
		for gateway in TELLING:
			with self.subTest(gateway):
				journey, attempt = self.paid_journey(gateway)
				self.send_back_silently(journey, attempt)
				sweep(journey.invoice)
				self.assertEqual((journey.status(), journey.subscription_status()), ("Refunded", "Cancelled"))
				self.assertEqual(journey.problems(), [])

	def test_partial_dashboard_refunds_are_recorded_once(self):
		for gateway in TELLING:
			with self.subTest(gateway):
				journey, attempt = self.paid_journey(gateway)
				for _part in range(2):
					self.send_back_silently(journey, attempt, HALF // 5)
				for _round in range(3):
					sweep(journey.invoice)
				self.assertEqual(journey.status(), "Partly Refunded")
				self.assertEqual([str(r.amount) for r in journey.refunds()], ["49.9"] * 2)
				self.assertEqual(journey.problems(), [])

	def test_a_refund_of_ours_is_not_recorded_again(self):
		for gateway in TELLING:
			with self.subTest(gateway):
				journey, _attempt = self.paid_journey(gateway)
				journey.refund(100)
				for _round in range(3):
					sweep(journey.invoice)
				self.assertEqual([refund.amount for refund in journey.refunds()], [100])

	def test_the_stripe_event_charge_refunded_triggers_a_status_query(self):
		"""Stripe sends it for full and partial refunds, and it names no refund."""
		journey, attempt = self.paid_journey("stripe")
		journey.sim.refund_from_dashboard("stripe", attempt)
		events = [m for m in journey.take_webhooks() if b'"type": "charge.refunded"' in m.body]
		make_due(journey.invoice)
		self.assertEqual([deliver(message)["status"] for message in events], ["processed"])
		self.assertEqual((journey.status(), journey.problems()), ("Refunded", []))

	def test_the_stripe_event_charge_refunded_refreshes_a_pending_refund(self):
		journey, _attempt = self.paid_journey("stripe")
		journey.sim.configure("stripe", refund_status="pending")
		self.addCleanup(journey.sim.configure, "stripe", refund_status="succeeded")
		refund = journey.refund(None)["refund"]
		journey.take_webhooks()
		journey.sim.finish_refund("stripe", refund)
		for message in journey.take_webhooks():
			if b'"type": "charge.refunded"' in message.body:
				deliver(message)
		make_due(journey.invoice)
		payment_jobs.run_inbox()
		self.assertEqual((journey.status(), journey.refunds()[0].status), ("Refunded", "Refunded"))


class TestBeforeSettlement(DashboardCase):
	def test_a_payment_refunded_before_settlement_gives_no_lasting_service(self):
		for gateway in TELLING:
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start()
				self.pay_unheard(journey, attempt)
				self.send_back_silently(journey, attempt)
				for _round in range(2):
					sweep(journey.invoice)
				self.assertEqual((journey.status(), journey.subscription_status()), ("Refunded", "Cancelled"))
				self.assertEqual(journey.problems(), [])

	def pay_unheard(self, journey: Journey, attempt: str):
		back = journey.customer_pays(attempt)
		if journey.gateway == "paypal":  # captures when we ask it to: the response to that is lost
			journey.sim.faults.add("paypal", "capture", "timeout_after")
			journey.deliver_return(back)
		self.assertTrue([c for c in journey.sim.captures(journey.gateway) if c.reference == attempt])
		journey.take_webhooks()

	def test_a_refund_notice_before_its_payment_is_recorded_later(self):
		journey = Journey("razorpay")
		attempt = journey.start()
		self.pay_unheard(journey, attempt)
		self.send_back_silently(journey, attempt)
		charge = next(c for c in journey.sim.captures("razorpay") if c.reference == attempt)
		early = RefundEvent(
			RefundOutcome.REFUNDED,
			refund_id=unique("rfnd"),
			payment_id=charge.payment_id,
			amount=Decimal(PRICE),
			currency="INR",
		)
		with self.assertRaises(NotFound):
			notices.record_notice("razorpay", early)
		sweep(journey.invoice)
		self.assertEqual(journey.subscription_status(), "Cancelled")


class TestStatusQuery(DashboardCase):
	def test_a_payment_is_settled_although_the_refund_query_fails(self):
		"""R10: a rate limit must not hide a payment."""
		for gateway in ("razorpay", "stripe", "cashfree", "payu"):
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start()
				journey.customer_pays(attempt)
				self.send_back_silently(journey, attempt)
				journey.sim.faults.add(gateway, *self.REFUND_QUESTIONS[gateway], times=9)
				sweep(journey.invoice)
				self.assertEqual(len(journey.captures()), 1)
				journey.sim.faults.clear()
				sweep(journey.invoice)
				self.assertEqual(journey.status(), "Refunded")

	REFUND_QUESTIONS = {
		"razorpay": ("list_refunds", "error_500_before"),
		"stripe": ("list_refunds", "error_500_before"),
		"cashfree": ("refunds", "error_500_before"),
		"payu": ("refund_status", "error_500_before"),
	}
