"""Stripe's adapter when the network, the keys or Stripe itself misbehave, and when money goes back."""

import contextlib
import json
import unittest
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import requests
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways.base import Outcome, PaymentRef, RefundOutcome
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
from oropendola_payments.gateways.stripe.test_adapter import StripeCase


class Told(requests.adapters.BaseAdapter):
	"""A network that answers every call with the same words."""

	def __init__(self, body: bytes, status: int = 200):
		super().__init__()
		self.body, self.status = body, status

	def send(self, request, **options):
		answer = requests.Response()
		answer.status_code, answer._content, answer.request = self.status, self.body, request
		return answer

	def close(self):
		pass


def gateway_that_hears(body: bytes, status: int = 200) -> Stripe:
	session = requests.Session()
	session.mount("http://", Told(body, status))
	secrets = Stripe.simulator_secrets
	return Stripe(
		secrets=secrets,
		mode="Test",
		http=HttpClient(session),
		tokens=None,
		base_url="http://stripe.example.com",
	)


class TestTrouble(StripeCase):
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

	def test_the_session_is_found_behind_a_hundred_others(self):
		payment = self.open_session()
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

	def test_the_older_word_for_too_many_requests_is_not_sent_either(self):
		body = json.dumps({"error": {"code": "rate_limit", "message": "slow down"}}).encode()
		with self.assertRaises(NotSent):
			gateway_that_hears(body, 400).test_connection()

	def test_a_closed_door_is_not_sent(self):
		with self.assertRaises(NotSent):
			self.make_gateway(base_url="http://127.0.0.1:1/stripe").create(self.make_request())

	def test_every_call_is_pinned_timed_and_untelemetered(self):
		seen = []

		class Watching(requests.adapters.HTTPAdapter):
			def send(self, request, **options):
				seen.append((options["timeout"], request.headers))
				return super().send(request, **options)

		self.session.mount("http://", Watching())
		payment, event = self.pay()
		self.gateway.refund(self.make_refund(payment, event))
		self.assertGreaterEqual(len(seen), 4)
		for timeout, headers in seen:
			self.assertEqual((timeout, headers["Stripe-Version"]), (HttpClient().timeout, API_VERSION))
			self.assertNotIn("X-Stripe-Client-Telemetry", headers)
		self.assertFalse(stripe.enable_telemetry)

	def test_the_pinned_version_is_one_that_the_installed_sdk_knows(self):
		"""`ui_mode` and the refused payment_method_types belong to the endive release."""
		self.assertEqual(API_VERSION.partition(".")[2], stripe._api_version._ApiVersion.CURRENT_MAJOR)

	def test_wrong_keys_are_refused_in_words_that_name_the_field(self):
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
				self.status(gateway_that_hears(json.dumps({**session, **odd}).encode()))

	def test_what_was_received_counts_more_than_what_was_asked(self):
		"""Stripe: compare `amount_received` of the payment."""
		intent = {"id": "pi_1", "status": "succeeded", "amount_received": 100, "currency": "inr"}
		paid = {"status": "complete", "payment_status": "paid", "amount_total": 500, "currency": "inr"}
		session = {"id": "cs_test_1", "livemode": False, "payment_intent": intent, **paid}
		(event,) = self.status(gateway_that_hears(json.dumps(session).encode()))
		self.assertEqual((str(event.amount), event.payment_id), ("1.00", "pi_1"))

	def test_a_reason_is_one_readable_line(self):
		error = {"code": "card_declined", "message": "The bank\nsaid no\ud800 to asha@example.com"}
		intent = {"id": "pi_1", "status": "requires_payment_method", "last_payment_error": error}
		session = {"id": "cs_test_1", "livemode": False, "status": "open", "payment_intent": intent}
		(event,) = self.status(gateway_that_hears(json.dumps(session).encode()))
		self.assertEqual((event.reason, event.error_code), ("The bank said no  to …", "card_declined"))

	def test_a_number_that_the_sdk_itself_stumbles_over_is_a_bad_answer(self):
		body = json.dumps({"object": "checkout.session", "currency_conversion": {"fx_rate": "x"}}).encode()
		with self.assertRaises(BadAnswer):
			self.status(gateway_that_hears(body))

	def test_an_unknown_word_is_never_money(self):
		session = {"id": "cs_test_1", "livemode": False, "amount_total": 100, "currency": "inr"}
		for status, paid in (("complete", "maybe"), ("open", "paid"), ("done", "paid"), (None, True)):
			body = json.dumps({**session, "status": status, "payment_status": paid}).encode()
			self.assertEqual(self.status(gateway_that_hears(body))[0].outcome, Outcome.PENDING)

	def test_a_canceled_payment_of_a_complete_session_has_failed(self):
		intent = {"id": "pi_1", "status": "canceled", "cancellation_reason": "expired"}
		session = {"id": "cs_test_1", "livemode": False, "status": "complete", "payment_intent": intent}
		(event,) = self.status(gateway_that_hears(json.dumps(session).encode()))
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
	@settings(max_examples=200, deadline=None)
	def test_no_json_does_more_than_be_a_gateways_error(self, told):
		gateway = gateway_that_hears(json.dumps(told).encode())
		for ask in (self.status, Stripe.test_connection):
			with contextlib.suppress(GatewayError):
				ask(gateway)


class TestRefund(StripeCase):
	def given_back(self) -> list[int]:
		return [refund.amount_minor for refund in self.simulator.refunds("stripe")]

	def test_a_part_is_given_back_and_known_by_our_key(self):
		payment, event = self.pay()
		refund = self.gateway.refund(self.make_refund(payment, event, "100.05"))
		self.assertEqual((refund.outcome, refund.key), (RefundOutcome.REFUNDED, "RF0001"))
		self.assertEqual((str(refund.amount), refund.payment_id), ("100.05", event.payment_id))
		self.assertEqual(
			self.simulator.refunds("stripe")[0].fields["params"]["reason"], "requested_by_customer"
		)

	def test_the_same_key_gives_back_once(self):
		payment, event = self.pay()
		request = self.make_refund(payment, event)
		first, second = self.gateway.refund(request), self.gateway.refund(request)
		self.assertEqual((first.refund_id, self.given_back()), (second.refund_id, [10000]))

	def test_stripes_own_idempotency_holds_where_the_list_lags_behind(self):
		payment, event = self.pay()
		request = self.make_refund(payment, event)
		first, second = (self.gateway._send_refund(request, "refund-RF0001") for _ in range(2))
		self.assertEqual((first.refund_id, self.given_back()), (second.refund_id, [10000]))

	def test_a_refund_that_timed_out_is_found_by_our_key_and_not_sent_again(self):
		"""R13, R14: unknown is not failed, and the gateway's id was never learned."""
		payment, event = self.pay()
		request = self.make_refund(payment, event)
		self.fault("refund", "timeout_after")
		with self.assertRaises(MaybeSent):
			self.gateway.refund(request)
		self.assertEqual(self.gateway.refund_status(request).outcome, RefundOutcome.REFUNDED)
		self.gateway.refund(request)
		self.assertEqual(self.given_back(), [10000])

	def test_a_refund_that_never_arrived_is_not_found_and_may_be_sent_again(self):
		payment, event = self.pay()
		request = self.make_refund(payment, event)
		self.fault("refund", "timeout_before")
		with self.assertRaises(MaybeSent):
			self.gateway.refund(request)
		self.assertEqual(self.gateway.refund_status(request).outcome, RefundOutcome.NOT_FOUND)
		self.assertEqual(self.gateway.refund(request).outcome, RefundOutcome.REFUNDED)

	def test_a_stored_server_error_does_not_block_the_refund_for_ever(self):
		"""P17. Stripe repeats a stored 500 for a day: after a look at the list another key is needed."""
		payment, event = self.pay()
		request = self.make_refund(payment, event)
		self.simulator.configure("stripe", stored_failure=True)
		with self.assertRaises(MaybeSent):
			self.gateway.refund(request)
		self.assertEqual(self.gateway.refund(request).outcome, RefundOutcome.REFUNDED)
		self.gateway.refund(request)
		self.assertEqual(self.given_back(), [10000])

	def test_no_more_is_given_back_than_was_taken(self):
		"""R15."""
		payment, event = self.pay()
		self.gateway.refund(self.make_refund(payment, event, "1499.50", "RF0001"))
		with self.assertRaisesRegex(GatewayRefused, "already been refunded") as caught:
			self.gateway.refund(self.make_refund(payment, event, "1", "RF0002"))
		self.assertEqual(caught.exception.gateway_code, "charge_already_refunded")

	def test_a_refund_that_another_worker_made_meanwhile_is_answered_not_refused(self):
		payment, event = self.pay()
		request = self.make_refund(payment, event, "1499.50")
		charge = self.provider.ledger.find_charge(event.payment_id)

		def refund_first(answer, **options):
			if answer.request.method == "GET" and not charge.refunded_minor:
				asked = {"metadata": {"payment_refund": request.key}}
				self.provider._new_refund(charge, asked, 149950)

		self.session.hooks["response"].append(refund_first)
		self.assertEqual(self.gateway.refund(request).outcome, RefundOutcome.REFUNDED)
		self.assertEqual(self.given_back(), [149950])

	def test_a_pending_refund_is_asked_about_until_it_ends(self):
		self.simulator.configure("stripe", refund_status="pending")
		endings = {"success": RefundOutcome.REFUNDED, "failure": RefundOutcome.FAILED}
		payment, event = self.pay()
		for ending, outcome in endings.items():
			with self.subTest(ending):
				request = self.make_refund(payment, event, key=f"RF{ending}")
				begun = self.gateway.refund(request)
				self.simulator.finish_refund("stripe", request.key, ending)
				ended = self.gateway.refund_status(replace(request, refund_id=begun.refund_id))
				self.assertEqual((begun.outcome, ended.outcome), (RefundOutcome.PROCESSING, outcome))

	def test_a_refund_reported_as_done_can_still_fail_days_later(self):
		"""docs.stripe.com/testing, card 4000 0000 0000 5126."""
		payment, event = self.pay()
		request = self.make_refund(payment, event)
		begun = self.gateway.refund(request)
		self.simulator.clock.advance(3 * 86400)
		self.simulator.finish_refund("stripe", request.key, "failure")
		ended = self.gateway.refund_status(request)
		self.assertEqual((begun.outcome, ended.outcome), (RefundOutcome.REFUNDED, RefundOutcome.FAILED))
		self.assertEqual(ended.reason, "expired_or_canceled_card")

	def test_the_refund_is_found_behind_a_hundred_others(self):
		payment, event = self.pay()
		request = self.make_refund(payment, event, "1")
		self.gateway.refund(request)
		charge = self.provider.ledger.find_charge(event.payment_id)
		for number in range(150):
			self.provider.ledger.add_refund(charge, f"re_X{number}", f"X{number}", 100, fields={"params": {}})
		self.assertEqual(self.gateway.refund_status(request).key, "RF0001")

	def test_a_payment_without_an_intent_is_refunded_by_its_charge(self):
		payment, event = self.pay()
		charge_id = self.simulator.captures("stripe")[0].fields["charge_id"]
		request = replace(self.make_refund(payment, event), payment_id=charge_id)
		self.assertEqual(self.gateway.refund(request).outcome, RefundOutcome.REFUNDED)

	def test_unknown_refunds_and_payments_are_not_found_or_refused(self):
		payment, event = self.pay()
		request = self.make_refund(payment, event)
		for refund_id in ("re_nobody", "../sessions"):
			told = self.gateway.refund_status(replace(request, refund_id=refund_id))
			self.assertEqual(told.outcome, RefundOutcome.NOT_FOUND)
		with self.assertRaises(GatewayRefused):
			self.gateway.refund(replace(request, payment_id="pi_nobody"))

	def test_money_that_was_given_back_was_taken_before(self):
		payment, event = self.pay()
		self.gateway.refund(self.make_refund(payment, event, "1499.50"))
		self.assertEqual(self.gateway.status(payment)[0], event)


if __name__ == "__main__":
	unittest.main()
