"""Razorpay's adapter against the simulated Razorpay: orders are created, queried and captured."""

import unittest
from dataclasses import replace
from decimal import Decimal

from oropendola_payments.gateways.base import Outcome, PaymentRef
from oropendola_payments.gateways.errors import BadAnswer, GatewayRefused, MaybeSent
from oropendola_payments.gateways.razorpay.adapter import Razorpay
from oropendola_payments.gateways.razorpay.test_case import RazorpayCase
from oropendola_payments.simulator.core.ledger import CAPTURED


class TestCreate(RazorpayCase):
	def test_the_order_carries_our_reference_and_the_amount_in_paise(self):
		"""Razorpay Orders API: `receipt` and `notes` come back on every question."""
		checkout = self.gateway.create(self.make_request())
		order = self.simulator.order("razorpay", self.reference)
		self.assertEqual((order.order_id, order.amount_minor), (checkout.order_id, 149950))
		self.assertEqual(order.fields["notes"], {"attempt": self.reference, "invoice": "INV-0001"})

	def test_script_and_plain_form_lead_to_the_same_order(self):
		"""Both ways bring the customer back by a POST to us: `callback_url` with `redirect`."""
		checkout = self.gateway.create(self.make_request())
		self.assertEqual((checkout.next_action, checkout.sdk.driver), ("sdk", "razorpay"))
		config, fields = checkout.sdk.config, checkout.form.fields
		self.assertTrue(config["redirect"])
		self.assertEqual({config["callback_url"], fields["callback_url"]}, {self.return_url()})
		self.assertEqual({config["order_id"], fields["order_id"]}, {checkout.order_id})
		self.assertEqual((config["amount"], fields["amount"]), (149950, "149950"))
		self.assertEqual(fields["cancel_url"], f"{self.return_url()}&cancelled=1")

	def test_the_browser_never_gets_the_key_secret(self):
		checkout = self.gateway.create(self.make_request())
		self.assertNotIn(Razorpay.simulator_secrets["key_secret"], repr(checkout))

	def test_the_script_is_served_where_the_checkout_says(self):
		checkout = self.gateway.create(self.make_request())
		self.assertIn("window.Razorpay", self.session.get(checkout.sdk.script, timeout=5).text)

	def test_amounts_in_paise_are_exact(self):
		"""R17 and razorpay.md pitfall 7: 8.35 became 834, 149.95 became 14994."""
		for amount, paise in (("8.35", 835), ("149.95", 14995), ("1.10", 110)):
			with self.subTest(amount):
				self.gateway.create(self.make_request(amount))
				self.assertEqual(self.simulator.order("razorpay", self.reference).amount_minor, paise)

	def test_each_currency_has_the_decimals_of_razorpays_own_table(self):
		"""JPY has none, KWD three; MGA and LAK have two although CLDR says none; UGX and ISK have none."""
		table = (("JPY", "500", 500), ("KWD", "99.99", 99990), ("MGA", "10.50", 1050), ("LAK", "7", 700))
		for currency, amount, minor in (*table, ("UGX", "5", 5), ("ISK", "5", 5), ("IQD", "1.5", 1500)):
			with self.subTest(currency):
				_, event = self.pay(amount, currency)
				self.assertEqual(self.simulator.captures("razorpay")[-1].amount_minor, minor)
				self.assertEqual((event.amount, event.currency), (Decimal(amount), currency))

	def test_amounts_that_razorpay_cannot_take_are_refused_before_any_call(self):
		"""Three decimals: the last digit must be 0 (Razorpay Orders API)."""
		gateway = self.make_gateway(base_url="http://127.0.0.1:1/razorpay")
		for amount, currency, reason in (
			("1.005", "INR", "too many decimal places"),
			("99.991", "KWD", "steps of 0.01"),
			("5.5", "JPY", "too many decimal places"),
		):
			with self.subTest(currency), self.assertRaisesRegex(GatewayRefused, reason):
				gateway.create(self.make_request(amount, currency))

	def test_less_than_one_rupee_is_refused_with_razorpays_sentence(self):
		with self.assertRaisesRegex(GatewayRefused, "at least INR 1.00"):
			self.gateway.create(self.make_request("0.99"))

	def test_an_order_for_another_amount_is_a_bad_answer(self):
		self.fault("create", "wrong_amount")
		with self.assertRaises(BadAnswer):
			self.gateway.create(self.make_request())


class TestStatus(RazorpayCase):
	def test_a_paid_order_is_reported_with_the_id_and_amount_of_the_gateway(self):
		payment, event = self.pay()
		(charge,) = self.simulator.captures("razorpay")
		self.assertEqual(event.outcome, Outcome.PAID)
		self.assertEqual((event.payment_id, event.order_id), (charge.payment_id, payment.order_id))
		self.assertEqual((event.amount, event.currency), (Decimal("1499.50"), "INR"))
		self.assertEqual((event.reference, event.method), (self.reference, "card"))

	def test_an_order_that_nobody_paid_is_pending(self):
		(event,) = self.gateway.status(self.open())
		self.assertEqual(event.outcome, Outcome.PENDING)

	def test_an_unknown_order_is_not_found(self):
		"""Keys of the other mode show themselves like this too: "The id provided does not exist"."""
		for order_id in ("order_Nobody00000001", None):
			payment = PaymentRef(self.reference, Decimal("1"), "INR", order_id=order_id)
			with self.subTest(order_id):
				self.assertEqual([e.outcome for e in self.gateway.status(payment)], [Outcome.NOT_FOUND])

	def test_the_amount_is_what_the_gateway_says(self):
		"""S2: the engine compares; the adapter must not hide a difference."""
		payment = self.open()
		self.simulator.pay("razorpay", self.reference)
		self.fault("status", "wrong_amount", amount_minor=100)
		(event,) = self.gateway.status(payment)
		self.assertEqual(event.amount, Decimal("1.00"))

	def test_a_payment_of_another_attempt_keeps_its_own_reference(self):
		"""S2: asking about an order with the wrong reference must not relabel what was paid for."""
		payment, _ = self.pay()
		(event,) = self.gateway.status(replace(payment, reference="SOMEBODYELSE"))
		self.assertEqual(event.reference, self.reference)

	def test_a_decline_is_pending_with_its_reason(self):
		"""razorpay.md pitfall 6; an order is never closed."""
		_, event = self.pay(outcome="failure")
		self.assertEqual((event.outcome, event.error_code), (Outcome.PENDING, "payment_failed"))
		self.assertIn("declined", event.reason)

	def test_a_failed_payment_that_is_captured_days_later_is_paid(self):
		"""P4. Late authorisation, razorpay.com/docs/payments/payments/late-authorisation: up to three days."""
		payment, failed = self.pay(outcome="failure")
		self.simulator.clock.advance(3 * 86400)
		self.simulator.finish("razorpay", self.reference)
		(paid,) = self.gateway.status(payment)
		self.assertEqual((paid.outcome, paid.payment_id), (Outcome.PAID, failed.payment_id))

	def test_the_success_after_a_dozen_failures_is_seen(self):
		"""Razorpay's lists have ten entries unless more are requested."""
		payment = self.open()
		self.simulator.pay("razorpay", self.reference)
		order = self.provider.ledger.find_order(payment.order_id)
		for number in range(12):
			self.provider.ledger.add_charge(order, f"pay_Failed{number}", "failed")
		outcomes = [event.outcome for event in self.gateway.status(payment)]
		self.assertEqual((outcomes.count(Outcome.PAID), len(outcomes)), (1, 13))

	def test_a_pending_upi_payment_is_pending_until_it_ends(self):
		payment, event = self.pay(method="upi", outcome="pending")
		self.assertEqual(event.outcome, Outcome.PENDING)
		self.simulator.finish("razorpay", self.reference, "success")
		self.assertEqual(self.gateway.status(payment)[0].outcome, Outcome.PAID)

	def test_details_contain_no_personal_data(self):
		_, event = self.pay(method="upi")
		self.assertEqual(event.details, {"vpa": "…@simbank", "status": "captured"})
		self.assertNotIn("asha", repr(event))


class TestCapture(RazorpayCase):
	def setUp(self):
		super().setUp()
		self.configure(capture="manual")

	def test_an_authorized_payment_is_paid_only_after_its_capture(self):
		payment, event = self.pay()
		self.assertEqual((event.outcome, self.simulator.captures("razorpay")), (Outcome.AUTHORIZED, []))
		captured = self.gateway.capture(payment, event, "capture-1")
		(charge,) = self.simulator.captures("razorpay")
		self.assertEqual((captured.outcome, captured.payment_id), (Outcome.PAID, charge.payment_id))
		self.assertEqual(captured.amount, Decimal("1499.50"))

	def test_capturing_again_is_the_same_as_once(self):
		payment, event = self.pay()
		first = self.gateway.capture(payment, event, "capture-1")
		self.fault("capture", "error_500_before")  # no call is made
		second = self.gateway.capture(payment, event, "capture-1")
		self.assertEqual((first, len(self.simulator.captures("razorpay"))), (second, 1))

	def test_a_capture_without_an_answer_is_found_by_the_next_one(self):
		payment, event = self.pay()
		self.fault("capture", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.capture(payment, event, "capture-1")
		self.assertEqual(self.gateway.capture(payment, event, "capture-1").outcome, Outcome.PAID)

	def test_a_payment_that_was_captured_in_between_is_paid(self):
		"""Razorpay's own timer captures too: "already captured" counts as done."""
		payment, event = self.pay()

		def capture_first(answer, **options):
			if answer.request.method == "GET":
				charge = self.provider.ledger.find_charge(event.payment_id)
				self.provider.ledger.set_charge_state(charge, CAPTURED)

		self.session.hooks["response"].append(capture_first)
		self.assertEqual(self.gateway.capture(payment, event, "capture-1").outcome, Outcome.PAID)

	def test_another_amount_than_the_authorised_one_is_not_captured(self):
		payment, event = self.pay()
		with self.assertRaisesRegex(GatewayRefused, "equal to the amount authorized"):
			self.gateway.capture(payment, replace(event, amount=Decimal("1.00")), "capture-1")
		self.assertEqual(self.simulator.captures("razorpay"), [])

	def test_a_payment_that_failed_meanwhile_is_not_captured(self):
		payment, event = self.pay()
		self.provider.ledger.set_charge_state(self.provider.ledger.find_charge(event.payment_id), "failed")
		self.assertEqual(self.gateway.capture(payment, event, "capture-1").outcome, Outcome.PENDING)

	def test_a_capture_without_a_payment_is_refused(self):
		payment = self.open()
		(event,) = self.gateway.status(payment)
		with self.assertRaisesRegex(GatewayRefused, "no Razorpay payment"):
			self.gateway.capture(payment, event, "capture-1")


if __name__ == "__main__":
	unittest.main()
