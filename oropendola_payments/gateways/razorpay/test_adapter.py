"""Razorpay's adapter against the simulated Razorpay: paying, asking, capturing, refunding, and all that goes wrong."""

import contextlib
import io
import unittest
from dataclasses import replace
from decimal import Decimal

import requests

from oropendola_payments.gateways.base import (
	Callback,
	Customer,
	Outcome,
	PaymentRef,
	PaymentRequest,
	RefundRequest,
)
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	NotSent,
	NotSupported,
)
from oropendola_payments.gateways.http import HttpClient
from oropendola_payments.gateways.razorpay.adapter import Razorpay
from oropendola_payments.simulator import Simulator
from oropendola_payments.simulator.core.ledger import CAPTURED

RETURN = "https://shop.example.com/returned?gateway=razorpay&attempt="
CANCEL = "https://shop.example.com/cancelled?gateway=razorpay&attempt="


class RazorpayCase(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		cls.simulator = Simulator(codes=["razorpay"]).start()
		cls.addClassCleanup(cls.simulator.close)
		cls.count = 0

	def setUp(self):
		self.simulator.reset()
		self.provider = self.simulator.providers["razorpay"]
		self.simulator.configure("razorpay", **self.provider.defaults)
		type(self).count += 1
		self.reference = f"RZ{self.count:06d}"
		self.session = requests.Session()
		self.addCleanup(self.session.close)
		self.gateway = self.make_gateway()

	def make_gateway(self, mode="Simulator", base_url=None, **secrets) -> Razorpay:
		return Razorpay(
			secrets={**Razorpay.simulator_secrets, **secrets},
			mode=mode,
			http=HttpClient(self.session),
			tokens=None,
			base_url=base_url or f"{self.simulator.url}/razorpay",
		)

	def make_request(self, amount="1499.50", currency="INR", **values) -> PaymentRequest:
		asked = {
			"reference": self.reference,
			"description": "Pro plan",
			"customer": Customer("Asha Test", "asha@example.com", "+910000000000"),
			"return_url": RETURN + self.reference,
			"cancel_url": CANCEL + self.reference,
			"webhook_url": "https://shop.example.com/hook",
			"idempotency_key": f"create-{self.reference}",
			"invoice": "INV-0001",
		}
		return PaymentRequest(amount=Decimal(amount), currency=currency, **{**asked, **values})

	def open_checkout(self, amount="1499.50", currency="INR"):
		"""Create an order and let the customer's browser open its page."""
		request = self.make_request(amount, currency)
		checkout = self.gateway.create(request)
		self.assertEqual(self.simulator.open(checkout.form.action, checkout.form.fields).status, 200)
		return PaymentRef(self.reference, request.amount, currency, order_id=checkout.order_id)

	def pay(self, amount="1499.50", currency="INR", **choices):
		"""An order that a customer paid, as (PaymentRef, the one event that status tells)."""
		payment = self.open_checkout(amount, currency)
		self.simulator.pay("razorpay", self.reference, **choices)
		(event,) = self.gateway.status(payment)
		return payment, event

	def make_refund(self, payment, event, amount="100", key="RF0001", **values) -> RefundRequest:
		return RefundRequest(payment, event.payment_id, Decimal(amount), event.currency, key, **values)

	def notices(self) -> list:
		"""What the waiting webhooks tell, oldest first."""
		waiting = self.simulator.webhooks.take("razorpay")
		return [self.gateway.receive(Callback("webhook", "POST", d.headers, {}, d.body)) for d in waiting]

	def fault(self, call: str, kind: str, **values):
		self.simulator.faults.add("razorpay", call, kind, **values)


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
		self.assertEqual({config["callback_url"], fields["callback_url"]}, {RETURN + self.reference})
		self.assertEqual({config["order_id"], fields["order_id"]}, {checkout.order_id})
		self.assertEqual((config["amount"], fields["amount"]), (149950, "149950"))
		self.assertEqual(fields["cancel_url"], CANCEL + self.reference)

	def test_the_browser_never_gets_the_key_secret(self):
		checkout = self.gateway.create(self.make_request())
		self.assertNotIn(Razorpay.simulator_secrets["key_secret"], repr(checkout))

	def test_the_script_is_served_where_the_checkout_says(self):
		checkout = self.gateway.create(self.make_request())
		self.assertIn("window.Razorpay", self.session.get(checkout.sdk.script, timeout=5).text)

	def test_an_amount_is_never_cut_on_the_way_to_paise(self):
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

	def test_an_order_for_another_amount_never_reaches_the_customer(self):
		self.fault("create", "wrong_amount")
		with self.assertRaises(BadAnswer):
			self.gateway.create(self.make_request())


class TestStatus(RazorpayCase):
	def test_a_paid_order_is_told_as_the_gateway_booked_it(self):
		payment, event = self.pay()
		(charge,) = self.simulator.captures("razorpay")
		self.assertEqual(event.outcome, Outcome.PAID)
		self.assertEqual((event.payment_id, event.order_id), (charge.payment_id, payment.order_id))
		self.assertEqual((event.amount, event.currency), (Decimal("1499.50"), "INR"))
		self.assertEqual((event.reference, event.method), (self.reference, "card"))

	def test_an_order_that_nobody_paid_is_pending(self):
		(event,) = self.gateway.status(self.open_checkout())
		self.assertEqual(event.outcome, Outcome.PENDING)

	def test_an_order_that_razorpay_never_heard_of_is_not_found(self):
		"""Keys of the other mode show themselves like this too: "The id provided does not exist"."""
		for order_id in ("order_Nobody00000001", None):
			payment = PaymentRef(self.reference, Decimal("1"), "INR", order_id=order_id)
			with self.subTest(order_id):
				self.assertEqual([e.outcome for e in self.gateway.status(payment)], [Outcome.NOT_FOUND])

	def test_the_amount_is_what_the_gateway_says_not_what_was_asked(self):
		"""S2: the engine compares; the adapter must not hide a difference."""
		payment = self.open_checkout()
		self.simulator.pay("razorpay", self.reference)
		self.fault("status", "wrong_amount", amount_minor=100)
		(event,) = self.gateway.status(payment)
		self.assertEqual(event.amount, Decimal("1.00"))

	def test_a_payment_of_another_attempt_keeps_its_own_reference(self):
		"""S2: asking about an order with the wrong reference must not relabel what was paid for."""
		payment, _ = self.pay()
		(event,) = self.gateway.status(replace(payment, reference="SOMEBODYELSE"))
		self.assertEqual(event.reference, self.reference)

	def test_a_failed_try_is_pending_with_its_reason_for_the_order_may_still_be_paid(self):
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
		"""Razorpay's lists have ten entries unless asked for more."""
		payment = self.open_checkout()
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

	def test_personal_data_stays_out_of_the_details(self):
		_, event = self.pay(method="upi")
		self.assertEqual(event.details, {"vpa": "…@simbank", "status": "captured"})
		self.assertNotIn("asha", repr(event))


class TestTrouble(RazorpayCase):
	def test_a_create_call_that_timed_out_is_found_again_by_our_reference(self):
		"""R9 and R13's cousin: the order exists although we never learned its id."""
		self.fault("create", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.create(self.make_request())
		payment = PaymentRef(self.reference, Decimal("1499.50"), "INR")
		(event,) = self.gateway.status(payment)
		order = self.simulator.order("razorpay", self.reference)
		self.assertEqual((event.outcome, event.order_id), (Outcome.PENDING, order.order_id))

	def test_a_create_call_that_never_arrived_leaves_nothing(self):
		self.fault("create", "timeout_before")
		with self.assertRaises(MaybeSent):
			self.gateway.create(self.make_request())
		(event,) = self.gateway.status(PaymentRef(self.reference, Decimal("1499.50"), "INR"))
		self.assertEqual(event.outcome, Outcome.NOT_FOUND)

	def test_errors_are_sorted_by_whether_a_repetition_is_safe(self):
		"""Each fault hits once: an SDK that repeats by itself would succeed and raise nothing."""
		cases = (
			("error_500_before", {}, MaybeSent),
			("error_500_before", {"status": 429}, NotSent),
			("error_500_before", {"status": 409}, MaybeSent),
			("error_500_after", {"status": 502}, MaybeSent),
			("error_500_before", {"status": 302}, BadAnswer),
			("garbage", {}, BadAnswer),
		)
		for kind, values, error in cases:
			with self.subTest(kind, **values):
				self.fault("create", kind, **values)
				with self.assertRaises(error):
					self.gateway.create(self.make_request())

	def test_a_closed_door_is_not_sent(self):
		gateway = self.make_gateway(base_url="http://127.0.0.1:1/razorpay")
		with self.assertRaises(NotSent):
			gateway.create(self.make_request())

	def test_the_sdk_prints_nothing_when_the_connection_breaks(self):
		self.fault("create", "timeout_before")
		with contextlib.redirect_stdout(io.StringIO()) as printed, self.assertRaises(MaybeSent):
			self.gateway.create(self.make_request())
		self.assertEqual(printed.getvalue(), "")

	def test_every_call_of_the_sdk_has_time_outs(self):
		"""The SDK itself has none (measured, razorpay 2.0.1)."""
		seen = []

		class Watching(requests.adapters.HTTPAdapter):
			def send(self, request, **options):
				seen.append(options["timeout"])
				return super().send(request, **options)

		self.session.mount("http://", Watching())
		payment, event = self.pay()
		self.gateway.refund(self.make_refund(payment, event))
		self.assertEqual(set(seen), {HttpClient().timeout})
		self.assertGreaterEqual(len(seen), 4)

	def test_wrong_keys_are_refused_in_words_that_name_the_fields(self):
		gateway = self.make_gateway(key_secret="obviously-wrong")
		with self.assertRaisesRegex(CredentialsRefused, "Key Id and Key Secret") as caught:
			gateway.test_connection()
		self.assertNotIn("obviously-wrong", str(caught.exception))

	def test_right_keys_are_confirmed(self):
		self.assertIn("accepts", self.gateway.test_connection())

	def test_keys_of_the_wrong_mode_or_shape_are_named(self):
		test, live = "rzp_test_Abc123", "rzp_live_Abc123"
		for mode, key, problems in (
			("Test", test, 0),
			("Live", live, 0),
			("Simulator", test, 0),
			("Live", test, 1),
			("Test", live, 1),
			("Simulator", live, 1),
			("Test", "Abc123", 1),
		):
			with self.subTest(mode, key=key):
				self.assertEqual(len(Razorpay.credential_problems({"key_id": key}, mode)), problems)

	def test_the_key_secret_is_not_accepted_as_webhook_secret(self):
		"""razorpay.md pitfall 2, razorpay-node issue 380."""
		secrets = {"key_secret": "same", "webhook_secret": "same"}
		self.assertIn("Webhook Secret", Razorpay.credential_problems(secrets, "Test")[0])

	def test_an_open_order_cannot_be_closed(self):
		"""razorpay-node issue 426: orders never expire."""
		self.assertFalse(Razorpay.capabilities.cancel)
		with self.assertRaises(NotSupported):
			self.gateway.cancel(self.open_checkout())


class TestCapture(RazorpayCase):
	def setUp(self):
		super().setUp()
		self.simulator.configure("razorpay", capture="manual")

	def test_an_authorised_payment_is_taken_by_capture_only(self):
		payment, event = self.pay()
		self.assertEqual((event.outcome, self.simulator.captures("razorpay")), (Outcome.AUTHORIZED, []))
		captured = self.gateway.capture(payment, event, "capture-1")
		(charge,) = self.simulator.captures("razorpay")
		self.assertEqual((captured.outcome, captured.payment_id), (Outcome.PAID, charge.payment_id))
		self.assertEqual(captured.amount, Decimal("1499.50"))

	def test_capturing_again_is_the_same_as_once(self):
		payment, event = self.pay()
		first = self.gateway.capture(payment, event, "capture-1")
		self.fault("capture", "error_500_before")  # nobody asks for it
		second = self.gateway.capture(payment, event, "capture-1")
		self.assertEqual((first, len(self.simulator.captures("razorpay"))), (second, 1))

	def test_a_capture_that_timed_out_is_found_done(self):
		payment, event = self.pay()
		self.fault("capture", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.capture(payment, event, "capture-1")
		self.assertEqual(self.gateway.capture(payment, event, "capture-1").outcome, Outcome.PAID)

	def test_somebody_who_captures_in_between_does_no_harm(self):
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

	def test_nothing_to_capture_is_refused_in_words(self):
		payment = self.open_checkout()
		(event,) = self.gateway.status(payment)
		with self.assertRaisesRegex(GatewayRefused, "no Razorpay payment"):
			self.gateway.capture(payment, event, "capture-1")
