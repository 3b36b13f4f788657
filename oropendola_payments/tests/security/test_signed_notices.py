"""A signature proves who sent a notice, not that it still holds: a signed success is checked with a status query."""

from oropendola_payments.simulator.core import ledger as states
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.simulated import deliver
from oropendola_payments.tests.support.time_travel import clear_due_records, sweep

# PayU and PhonePe ask for a status query after every callback, Razorpay for one state machine that is fed by webhooks and
# queries, and PayPal's signature covers a checksum of the body only.
CHECKED = ("payu", "razorpay", "paypal", "phonepe")


class TestSignedNotices(TestCase):
	def setUp(self):
		clear_due_records()

	def told_of_success(self, gateway: str):
		"""A payment, and its signed notices of success."""
		journey = Journey(gateway)
		attempt = journey.start()
		journey.customer_pays(attempt)
		provider = journey.sim.provider(gateway)
		order = provider.ledger.find_order_by_reference(attempt)
		if gateway == "paypal":  # the money is captured by the site, which has not happened here
			provider.record_charge(
				order, f"8XY{provider.ledger.next_number():013d}C", "success", "paypal", request_id="theirs"
			)
			order.fields["status"] = "COMPLETED"
			journey.take_webhooks()
			provider.notify_payment(order, provider.ledger.charges_of(order)[-1])
		return journey, provider.ledger.charges_of(order)[-1], journey.take_webhooks()

	def test_a_signed_success_of_a_payment_that_is_pending_pays_nothing(self):
		"""S34, P11, P12."""
		for gateway in CHECKED:
			with self.subTest(gateway):
				journey, charge, messages = self.told_of_success(gateway)
				ledger = journey.sim.provider(gateway).ledger
				ledger.set_charge_state(charge, states.PENDING)
				ledger.find_order(charge.order_id).state = states.OPEN
				for message in messages:
					deliver(message)
				self.assertEqual((journey.status(), journey.captures()), ("Processing", []))
				self.assertNotEqual(journey.subscription_status(), "Active")
				ledger.set_charge_state(charge, states.CAPTURED)
				sweep(journey.invoice)
				self.assertEqual((journey.status(), journey.problems()), ("Paid", []))

	def test_a_signed_success_of_another_amount_is_recorded_with_the_amount_of_the_gateway(self):
		for gateway in CHECKED:
			with self.subTest(gateway):
				journey, _charge, messages = self.told_of_success(gateway)
				fault = journey.sim.faults.add(gateway, "status", "wrong_amount", None)
				for message in messages:
					deliver(message)
				journey.sim.faults._waiting.remove(fault)
				self.assertEqual([str(c.amount) for c in journey.captures()], ["498.0"])
				self.assertEqual((journey.status(), journey.doc().needs_review), ("Partly Paid", 1))
				self.assertNotEqual(journey.subscription_status(), "Active")


class TestUnverifiedReturns(TestCase):
	def test_a_return_whose_signature_fails_after_the_money_moved_makes_us_ask(self):
		"""razorpay.md pitfall 8: the payment is queried and not dropped."""
		for gateway in ("razorpay", "payu"):
			with self.subTest(gateway):
				clear_due_records()
				journey = Journey(gateway)
				attempt = journey.start()
				journey.sim.faults.add(gateway, "return", "wrong_signature")
				back = journey.customer_pays(attempt)
				journey.take_webhooks()
				journey.deliver_return(back)
				self.assertEqual((journey.status(), journey.problems()), ("Paid", []))
