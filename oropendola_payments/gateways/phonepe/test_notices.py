"""What PhonePe's webhooks and the customer's return say."""

import base64
import hashlib
import hmac
import json
import unittest

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways.base import Callback, Outcome
from oropendola_payments.gateways.errors import MalformedNotice
from oropendola_payments.gateways.phonepe.test_case import (
	HMAC_KEY,
	LEGACY,
	NEW,
	SALT,
	WITH_HMAC,
	PhonePeCase,
	webhook,
)
from oropendola_payments.tests.support.proofs import examples

text = st.text(max_size=200)
json_values = st.recursive(
	st.none() | st.booleans() | st.integers() | st.floats() | text,
	lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
	max_leaves=12,
)
words = st.sampled_from(
	["checkout.order.completed", "pg.refund.completed", "COMPLETED", "FAILED", "OMO1", "code"]
)
names = ("state", "amount", "orderId", "merchantOrderId", "paymentDetails", "merchantRefundId", "merchantId")
payloads = st.fixed_dictionaries({}, optional=dict.fromkeys(names, json_values | words))


class TestWebhook(PhonePeCase):
	def test_a_webhook_with_the_constant_header_is_an_unsigned_notice(self):
		"""phonepe.md pitfall 3: nothing may be settled from a body under the SHA header alone."""
		checkout = self.gateway.create(self.request("WH1"))
		self.simulator.pay("phonepe", "WH1")
		notice = self.last_notice()
		self.assertEqual((notice.verified, notice.events, notice.event_key), (False, (), None))
		self.assertEqual((notice.reference, notice.order_id), ("WH1", checkout.order_id))
		self.assertEqual(notice.event_type, "checkout.order.completed")

	def test_a_refund_webhook_names_the_payment(self):
		payment_id = self.paid("WH2")
		self.gateway.refund(self.refund_of("WH2", payment_id))
		notice = self.last_notice()
		self.assertEqual((notice.event_type, notice.reference), ("pg.refund.accepted", "WH2"))

	def test_the_return_is_an_unsigned_notice_whatever_it_says(self):
		"""S4, S5: the browser's visit proves nothing."""
		call = Callback("return", "GET", {}, {"attempt": "WH3", "state": "COMPLETED", "amount": "149900"})
		notice = self.gateway.receive(call)
		self.assertEqual((notice.reference, notice.verified, notice.events), ("WH3", False, ()))

	def test_a_body_that_cannot_be_read_is_malformed(self):
		header = hashlib.sha256(b"simhook_user:Simhook2pass").hexdigest()
		for body in (b"", b"[]", b"not json", b"\xff", b"[" * 200_000):
			with self.subTest(body[:10]), self.assertRaises(MalformedNotice):
				self.gateway.receive(webhook(body, Authorization=header))


class TestHmacWebhook(PhonePeCase):
	secrets = WITH_HMAC

	def setUp(self):
		super().setUp()
		self.configure(webhook_hmac_key=HMAC_KEY)

	def test_a_signed_webhook_is_verified_and_must_be_confirmed(self):
		"""P12."""
		self.paid("HM1")
		notice = self.last_notice()
		self.assertTrue(notice.verified and notice.confirm)
		self.assertEqual((notice.events[0].outcome, notice.events[0].reference), (Outcome.PAID, "HM1"))

	def test_a_repeated_message_has_the_same_key_and_another_state_another(self):
		"""R11: a second, different event of the same order is another message."""
		self.fault("webhook", "duplicate_webhook")
		payment_id = self.paid("HM2")
		self.gateway.refund(self.refund_of("HM2", payment_id))
		self.simulator.finish_refund("phonepe", "RF1")
		keys = [self.gateway.receive(self.webhook(one)).event_key for one in self.simulator.webhooks.take()]
		self.assertEqual(keys[0], keys[1])
		self.assertEqual(len(set(keys)), 3)
		self.assertTrue(all(len(key) <= 140 for key in keys))

	def test_the_same_event_in_another_state_is_another_message(self):
		"""The event key is made of event, id and state."""
		keys = set()
		for state in ("PENDING", "COMPLETED", "COMPLETED"):
			payload = {"merchantRefundId": "RF1", "state": state}
			body = json.dumps({"event": "pg.refund.accepted", "payload": payload}).encode()
			signature = hmac.new(HMAC_KEY.encode(), body, hashlib.sha256).hexdigest()
			keys.add(self.gateway.receive(webhook(body, x_phonepe_checksum_signature=signature)).event_key)
		self.assertEqual(len(keys), 2)

	def test_orders_and_refunds_are_read_under_all_their_names(self):
		"""The events pg.order.* are those of the custom checkout."""
		order = {"merchantOrderId": "HM9", "orderId": "OMO9", "amount": 100}
		for name in ("checkout.order", "pg.order"):
			for state, outcome in (("COMPLETED", Outcome.PAID), ("FAILED", Outcome.FAILED)):
				event = self.event_of(f"{name}.{state.lower()}", {**order, "state": state})
				self.assertEqual((event.outcome, event.reference), (outcome, "HM9"))
		refund = {
			"originalMerchantOrderId": "HM9",
			"merchantRefundId": "RF9",
			"refundId": "OMR9",
			"amount": 100,
		}
		outcomes = {"accepted": "PENDING", "completed": "COMPLETED", "failed": "FAILED"}
		events = [
			self.event_of(f"pg.refund.{word}", {**refund, "state": state}) for word, state in outcomes.items()
		]
		self.assertEqual([one.outcome.value for one in events], ["processing", "refunded", "failed"])
		self.assertEqual({(one.key, one.reference) for one in events}, {("RF9", "HM9")})

	def event_of(self, name: str, payload: dict):
		body = json.dumps({"event": name, "payload": payload}).encode()
		signature = hmac.new(HMAC_KEY.encode(), body, hashlib.sha256).hexdigest()
		(event,) = self.gateway.receive(webhook(body, x_phonepe_checksum_signature=signature)).events
		return event

	def test_a_failed_attempt_has_no_event(self):
		self.configure(keeps_order_open=True)
		self.gateway.create(self.request("HM3"))
		self.simulator.pay("phonepe", "HM3", outcome="failure")
		notice = self.last_notice()
		self.assertEqual(notice.events, ())
		self.assertEqual(notice.event_type, "checkout.transaction.attempt.failed")

	def test_an_unknown_event_is_named_and_empty(self):
		body = b'{"event":"settlement.done","payload":{}}'
		signature = hmac.new(HMAC_KEY.encode(), body, hashlib.sha256).hexdigest()
		notice = self.gateway.receive(webhook(body, x_phonepe_checksum_signature=signature))
		self.assertEqual((notice.events, notice.event_type), ((), "settlement.done"))
		self.assertTrue(notice.event_key)

	def test_a_completed_order_without_amount_or_id_is_never_paid(self):
		for payload in (
			{"state": "COMPLETED", "amount": "149900", "orderId": "O"},
			{"state": "COMPLETED", "amount": 1},
		):
			body = json.dumps({"event": "checkout.order.completed", "payload": payload}).encode()
			signature = hmac.new(HMAC_KEY.encode(), body, hashlib.sha256).hexdigest()
			notice = self.gateway.receive(webhook(body, x_phonepe_checksum_signature=signature))
			self.assertEqual(notice.events[0].outcome, Outcome.PENDING)


class TestAnyBytes(PhonePeCase):
	"""Whatever arrives, it is refused, malformed, or a notice; never another exception."""

	def check(self, secrets, callback: Callback):
		self.gateway = self.gateway_with(secrets)
		self.receive_any(callback)

	@settings(max_examples=examples(150), deadline=None)
	@given(st.binary(max_size=300), st.text(max_size=80), st.sampled_from([NEW, WITH_HMAC, LEGACY]))
	def test_any_unsigned_bytes_are_read_or_refused(self, body, header, secrets):
		names = ("Authorization", "x-phonepe-checksum-signature", "X-VERIFY")
		self.check(secrets, Callback("webhook", "POST", dict.fromkeys(names, header), {}, body))
		self.check(secrets, Callback("return", "GET", {}, {"attempt": header}, body))

	@settings(max_examples=examples(200), deadline=None)
	@given(words | text, payloads | json_values)
	def test_any_json_signed_by_hmac_is_read_or_refused(self, event, payload):
		body = json.dumps({"event": event, "payload": payload}).encode("utf-8", "replace")
		signature = hmac.new(HMAC_KEY.encode(), body, hashlib.sha256).hexdigest()
		self.check(WITH_HMAC, webhook(body, x_phonepe_checksum_signature=signature))

	@settings(max_examples=examples(200), deadline=None)
	@given(
		st.binary(max_size=100)
		| payloads.map(lambda p: json.dumps({"data": p, "code": "PAYMENT_SUCCESS"}).encode())
	)
	def test_any_bytes_signed_by_the_salt_are_read_or_refused(self, inner):
		for packed in (base64.b64encode(inner).decode(), inner.decode("latin-1")):
			checksum = hashlib.sha256((packed + SALT).encode()).hexdigest() + "###1"
			self.check(LEGACY, webhook(json.dumps({"response": packed}).encode(), X_VERIFY=checksum))


if __name__ == "__main__":
	unittest.main()
