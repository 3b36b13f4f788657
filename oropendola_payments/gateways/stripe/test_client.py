"""Stripe's adapter when the network, the keys or Stripe itself fail."""

import contextlib
import json
import unittest
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import BytesIO

import requests
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3 import HTTPResponse

from oropendola_payments.gateways.base import Outcome, PaymentRef
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayError,
	GatewayRefused,
	MaybeSent,
	NotSent,
)
from oropendola_payments.gateways.http import HttpClient
from oropendola_payments.gateways.stripe.adapter import Stripe
from oropendola_payments.gateways.stripe.client import API_VERSION
from oropendola_payments.gateways.stripe.test_case import StripeCase
from oropendola_payments.tests.support.proofs import examples


class Canned(requests.adapters.BaseAdapter):
	"""A network that answers every call with the same body."""

	def __init__(self, body: bytes, status: int = 200):
		super().__init__()
		self.body, self.status = body, status

	def send(self, request, **options):
		answer = requests.Response()
		answer.status_code, answer.request = self.status, request
		answer.raw = HTTPResponse(BytesIO(self.body), preload_content=False)
		return answer

	def close(self):
		pass


def gateway_answered(body: bytes, status: int = 200) -> Stripe:
	session = requests.Session()
	session.mount("http://", Canned(body, status))
	secrets = Stripe.simulator_secrets
	return Stripe(
		secrets=secrets,
		mode="Test",
		http=HttpClient(session),
		tokens=None,
		base_url="http://stripe.example.com",
	)


class TestErrors(StripeCase):
	def test_a_create_call_that_timed_out_is_found_again_by_our_reference(self):
		"""R9: the session exists although we never learned its id."""
		self.fault("create", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.create(self.make_request())
		payment = PaymentRef(self.reference, Decimal("1499.50"), "INR", created_at=self.simulator.clock.now())
		order = self.simulator.order("stripe", self.reference)
		(event,) = self.gateway.status(payment)
		self.assertEqual((event.outcome, event.order_id), (Outcome.PENDING, order.order_id))
		for hours in (-5, 5):
			elsewhere = replace(payment, created_at=payment.created_at + timedelta(hours=hours))
			self.assertEqual(self.gateway.status(elsewhere)[0].outcome, Outcome.NOT_FOUND)

	def test_a_create_call_that_never_arrived_leaves_nothing(self):
		self.fault("create", "timeout_before")
		with self.assertRaises(MaybeSent):
			self.gateway.create(self.make_request())
		(event,) = self.gateway.status(PaymentRef(self.reference, Decimal("1499.50"), "INR"))
		self.assertEqual(event.outcome, Outcome.NOT_FOUND)

	def test_the_session_is_found_among_more_than_one_page(self):
		payment = self.open()
		first = self.provider.ledger.find_order(payment.order_id)
		for number in range(150):
			metadata = {"payment_attempt": f"X{number}"}
			fields = {**first.fields, "params": {**first.fields["params"], "metadata": metadata}}
			self.provider.ledger.add_order(f"X{number}", f"cs_test_X{number}", 100, "INR", **fields)
		(event,) = self.gateway.status(replace(payment, order_id=None))
		self.assertEqual(event.order_id, payment.order_id)

	def test_errors_are_sorted_by_whether_a_repetition_is_safe(self):
		"""Each fault hits once: an SDK that repeats by itself would succeed and raise nothing."""
		cases = (
			("error_500_before", {}, MaybeSent),
			("error_500_after", {"status": 503}, MaybeSent),
			("error_500_before", {"status": 409}, MaybeSent),
			("error_500_before", {"status": 424}, MaybeSent),
			("error_500_before", {"status": 429}, NotSent),
			("error_500_before", {"status": 402}, GatewayRefused),
			("error_500_before", {"status": 403}, CredentialsRefused),
			("error_500_before", {"status": 302}, BadAnswer),
			("garbage", {}, BadAnswer),
		)
		for kind, values, error in cases:
			with self.subTest(kind, **values):
				self.fault("create", kind, **values)
				with self.assertRaises(error):
					self.gateway.create(self.make_request())

	def test_the_older_code_for_too_many_requests_is_not_sent(self):
		body = json.dumps({"error": {"code": "rate_limit", "message": "slow down"}}).encode()
		with self.assertRaises(NotSent):
			gateway_answered(body, 400).test_connection()

	def test_a_refused_connection_is_not_sent(self):
		with self.assertRaises(NotSent):
			self.make_gateway(base_url="http://127.0.0.1:1/stripe").create(self.make_request())

	def test_every_call_has_a_version_and_time_outs_and_no_telemetry(self):
		payment, event = self.pay()
		self.gateway.refund(self.make_refund(payment, event))
		self.assertGreaterEqual(len(self.network.sent), 4)
		self.assertEqual(set(self.network.timeouts), {HttpClient().timeout})
		for request in self.network.sent:
			self.assertEqual(request.headers["Stripe-Version"], API_VERSION)
			self.assertNotIn("X-Stripe-Client-Telemetry", request.headers)
		self.assertFalse(stripe.enable_telemetry)

	def test_the_pinned_version_is_one_that_the_installed_sdk_knows(self):
		"""`ui_mode` and the refused payment_method_types belong to the endive release."""
		self.assertEqual(API_VERSION.partition(".")[2], stripe._api_version._ApiVersion.CURRENT_MAJOR)

	def test_wrong_keys_are_refused_and_the_field_is_named(self):
		gateway = self.make_gateway(key_secret="sk_test_obviously_wrong")
		with self.assertRaisesRegex(CredentialsRefused, "Secret key") as caught:
			gateway.test_connection()
		self.assertNotIn("obviously", str(caught.exception))
		self.assertIn("accepts", self.gateway.test_connection())

	def test_keys_of_the_wrong_mode_or_shape_are_named(self):
		for mode, secrets, problems in (
			("Test", {"key_secret": "sk_test_a", "public_key": "pk_test_a", "webhook_secret": "whsec_a"}, 0),
			("Live", {"key_secret": "rk_live_a", "public_key": "pk_live_a"}, 0),
			("Simulator", Stripe.simulator_secrets, 0),
			("Live", {"key_secret": "sk_test_a", "public_key": "pk_test_a"}, 2),
			("Test", {"key_secret": "sk_live_a"}, 1),
			("Simulator", {"key_secret": "sk_live_a"}, 1),
			("Test", {"key_secret": "pk_test_a"}, 1),
			("Test", {"webhook_secret": "********", "webhook_secret_previous": "we_1"}, 2),
			("Test", {"key_secret": "sk_test_a\n"}, 1),
		):
			with self.subTest(mode, **secrets):
				self.assertEqual(len(Stripe.credential_problems(secrets, mode)), problems)


class TestOddAnswers(unittest.TestCase):
	def status(self, gateway: Stripe):
		return gateway.status(PaymentRef("ST1", Decimal("1"), "INR", order_id="cs_test_1"))

	def test_a_paid_session_without_its_money_is_a_bad_answer(self):
		session = {"id": "cs_test_1", "livemode": False, "status": "complete", "payment_status": "paid"}
		for odd in ({}, {"amount_total": "1"}, {"amount_total": True, "currency": "inr"}):
			with self.subTest(odd), self.assertRaises(BadAnswer):
				self.status(gateway_answered(json.dumps({**session, **odd}).encode()))

	def test_the_received_amount_counts_not_the_requested_one(self):
		"""Stripe: compare `amount_received` of the payment."""
		intent = {"id": "pi_1", "status": "succeeded", "amount_received": 100, "currency": "inr"}
		paid = {"status": "complete", "payment_status": "paid", "amount_total": 500, "currency": "inr"}
		session = {"id": "cs_test_1", "livemode": False, "payment_intent": intent, **paid}
		(event,) = self.status(gateway_answered(json.dumps(session).encode()))
		self.assertEqual((str(event.amount), event.payment_id), ("1.00", "pi_1"))

	def test_a_reason_is_one_readable_line(self):
		error = {"code": "card_declined", "message": "The bank\nsaid no\ud800 to asha@example.com"}
		intent = {"id": "pi_1", "status": "requires_payment_method", "last_payment_error": error}
		session = {"id": "cs_test_1", "livemode": False, "status": "open", "payment_intent": intent}
		(event,) = self.status(gateway_answered(json.dumps(session).encode()))
		self.assertEqual((event.reason, event.error_code), ("The bank said no  to …", "card_declined"))

	def test_a_number_that_the_sdk_cannot_read_is_a_bad_answer(self):
		body = json.dumps({"object": "checkout.session", "currency_conversion": {"fx_rate": "x"}}).encode()
		with self.assertRaises(BadAnswer):
			self.status(gateway_answered(body))

	def test_an_unknown_state_is_never_paid(self):
		session = {"id": "cs_test_1", "livemode": False, "amount_total": 100, "currency": "inr"}
		for status, paid in (("complete", "maybe"), ("open", "paid"), ("done", "paid"), (None, True)):
			body = json.dumps({**session, "status": status, "payment_status": paid}).encode()
			self.assertEqual(self.status(gateway_answered(body))[0].outcome, Outcome.PENDING)

	def test_a_canceled_payment_of_a_complete_session_has_failed(self):
		intent = {"id": "pi_1", "status": "canceled", "cancellation_reason": "expired"}
		session = {"id": "cs_test_1", "livemode": False, "status": "complete", "payment_intent": intent}
		(event,) = self.status(gateway_answered(json.dumps(session).encode()))
		self.assertEqual((event.outcome, event.reason), (Outcome.FAILED, "expired"))

	@given(
		st.recursive(
			st.none() | st.booleans() | st.integers() | st.text() | st.just("list"),
			lambda inner: (
				st.lists(inner, max_size=3)
				| st.dictionaries(st.text() | st.sampled_from(["object", "data", "id"]), inner, max_size=4)
			),
			max_leaves=10,
		)
	)
	@settings(max_examples=examples(200), deadline=None)
	def test_any_json_is_read_or_a_gateway_error(self, answer):
		gateway = gateway_answered(json.dumps(answer).encode())
		for call in (self.status, Stripe.test_connection):
			with contextlib.suppress(GatewayError):
				call(gateway)


if __name__ == "__main__":
	unittest.main()
