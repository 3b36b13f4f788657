"""PhonePe's webhooks and returns: what proves something, what only rings the bell, and any bytes whatsoever."""

import base64
import hashlib
import hmac
import json
import unittest
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways.base import Callback, Outcome
from oropendola_payments.gateways.errors import MalformedNotice, SignatureError
from oropendola_payments.gateways.phonepe.test_adapter import (
	LEGACY,
	NEW,
	SALT,
	WithSimulator,
	adapter,
	delivered,
	refund_of,
	request,
	webhook,
)

HMAC_KEY = "demo-webhook-secret-key"
WITH_HMAC = {**NEW, "webhook_id": "", "webhook_secret": HMAC_KEY}
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


class TestWebhook(WithSimulator):
	def test_the_constant_header_only_rings_the_bell(self):
		"""phonepe.md pitfall 3: nothing may be settled from a body under the SHA header alone."""
		checkout = self.gateway.create(request("WH1"))
		self.simulator.pay("phonepe", "WH1")
		notice = self.gateway.receive(delivered(self.simulator.webhooks.take()[-1]))
		self.assertEqual((notice.verified, notice.events, notice.event_key), (False, (), None))
		self.assertEqual((notice.reference, notice.order_id), ("WH1", checkout.order_id))
		self.assertEqual(notice.event_type, "checkout.order.completed")

	def test_the_header_of_the_facts_is_reproduced(self):
		secrets = {**NEW, "webhook_id": "hookuser_01", "webhook_secret": "Demo2pass99"}
		header = "2b5de5c84ad6b434f10fa232583e8527d341b24234f7887d044f533ae24b7b6d"
		body = b'{"event":"checkout.order.completed","payload":{"merchantOrderId":"PAYREQ-0007"}}'
		notice = adapter(secrets).receive(webhook(body, Authorization=header))
		self.assertEqual(notice.reference, "PAYREQ-0007")

	def test_wrong_headers_are_refused(self):
		right = hashlib.sha256(b"simhook_user:Simhook2pass").hexdigest()
		wrong = [
			"",
			"Bearer " + right,
			right[:-1],
			right.upper(),
			base64.b64encode(b"simhook_user:Simhook2pass").decode(),
		]
		for header in wrong:
			with self.subTest(header), self.assertRaises(SignatureError):
				self.gateway.receive(webhook(b"{}", Authorization=header))

	def test_v2_is_told_no_callback_address_and_believes_no_checksum_of_v1(self):
		"""phonepe.md pitfall 6: v2 has no callback URL in the request, and no X-VERIFY on its webhooks."""
		order = self.gateway.product._order(request("WH9"))
		self.assertNotIn("hook", json.dumps(order))
		packed = base64.b64encode(b'{"data":{"merchantId":"SIMMERCHANT"}}').decode()
		checksum = hashlib.sha256((packed + SALT).encode()).hexdigest() + "###1"
		body = json.dumps({"response": packed}).encode()
		with self.assertRaises(SignatureError):
			self.gateway.receive(webhook(body, X_VERIFY=checksum))

	def test_a_header_that_is_not_ascii_is_a_wrong_header(self):
		"""S23: comparing text would raise TypeError."""
		for text in ("ü" * 64, "\ud800"):
			with self.assertRaises(SignatureError):
				self.gateway.receive(webhook(b"{}", Authorization=text))

	def test_without_a_webhook_password_every_webhook_is_refused(self):
		"""S6: an empty secret must not be a secret."""
		for secrets in ({**NEW, "webhook_secret": ""}, {**NEW, "webhook_secret": "", "webhook_id": ""}):
			for header in (
				"",
				hashlib.sha256(b"simhook_user:").hexdigest(),
				hashlib.sha256(b":").hexdigest(),
			):
				signature = hmac.new(b"", b"{}", hashlib.sha256).hexdigest()
				call = webhook(b"{}", Authorization=header, x_phonepe_checksum_signature=signature)
				with self.assertRaises(SignatureError):
					adapter(secrets).receive(call)

	def test_both_passwords_work_while_one_is_changed(self):
		secrets = {**NEW, "webhook_secret": "Newpass2026", "webhook_secret_previous": "Simhook2pass"}
		for password in ("Newpass2026", "Simhook2pass"):
			header = hashlib.sha256(f"simhook_user:{password}".encode()).hexdigest()
			self.assertFalse(
				adapter(secrets).receive(webhook(b'{"event":"x"}', Authorization=header)).verified
			)

	def test_a_refund_webhook_names_the_payment(self):
		payment_id = self.paid("WH2")
		self.gateway.refund(refund_of("WH2", payment_id))
		notice = self.gateway.receive(delivered(self.simulator.webhooks.take()[-1]))
		self.assertEqual((notice.event_type, notice.reference), ("pg.refund.accepted", "WH2"))

	def test_the_return_is_a_doorbell_whatever_it_says(self):
		"""S4, S5: the browser's visit proves nothing."""
		call = Callback("return", "GET", {}, {"attempt": "WH3", "state": "COMPLETED", "amount": "149900"})
		notice = self.gateway.receive(call)
		self.assertEqual((notice.reference, notice.verified, notice.events), ("WH3", False, ()))

	def test_a_body_that_cannot_be_read_is_malformed(self):
		header = hashlib.sha256(b"simhook_user:Simhook2pass").hexdigest()
		for body in (b"", b"[]", b"not json", b"\xff", b"[" * 200_000):
			with self.subTest(body[:10]), self.assertRaises(MalformedNotice):
				self.gateway.receive(webhook(body, Authorization=header))


class TestHmacWebhook(WithSimulator):
	secrets = WITH_HMAC

	def setUp(self):
		super().setUp()
		self.configure(webhook_hmac_key=HMAC_KEY)

	def test_the_example_of_the_facts_is_reproduced(self):
		body = (
			b'{"event":"checkout.order.completed","payload":{"merchantOrderId":"PAYREQ-0007",'
			b'"orderId":"OMO250101","state":"COMPLETED","amount":149900}}'
		)
		signature = "cc0fe7e284276cbe323c32af7ccb2941fa14d6d9b03f31377ccf414131efeb24"
		notice = self.gateway.receive(webhook(body, x_phonepe_checksum_signature=signature))
		self.assertEqual(notice.events[0].amount, Decimal("1499.00"))
		with self.assertRaises(SignatureError):
			self.gateway.receive(
				webhook(body.replace(b"149900", b"100"), x_phonepe_checksum_signature=signature)
			)

	def test_it_is_proven_but_still_confirmed_by_a_status_query(self):
		"""P12."""
		self.paid("HM1")
		notice = self.gateway.receive(delivered(self.simulator.webhooks.take()[-1]))
		self.assertTrue(notice.verified and notice.confirm)
		self.assertEqual((notice.events[0].outcome, notice.events[0].reference), (Outcome.PAID, "HM1"))

	def test_the_key_of_a_message_is_the_same_on_every_repetition_and_differs_by_fact(self):
		"""R11: a second, different event of the same order is another message."""
		self.simulator.faults.add("phonepe", "webhook", "duplicate_webhook")
		payment_id = self.paid("HM2")
		self.gateway.refund(refund_of("HM2", payment_id))
		self.simulator.finish_refund("phonepe", "RF1")
		keys = [self.gateway.receive(delivered(one)).event_key for one in self.simulator.webhooks.take()]
		self.assertEqual(keys[0], keys[1])
		self.assertEqual(len(set(keys)), 3)
		self.assertTrue(all(len(key) <= 140 for key in keys))

	def test_the_same_event_in_another_state_is_another_message(self):
		"""phonepe.md section 4: the dedupe key holds event, id and state."""
		keys = set()
		for state in ("PENDING", "COMPLETED", "COMPLETED"):
			payload = {"merchantRefundId": "RF1", "state": state}
			body = json.dumps({"event": "pg.refund.accepted", "payload": payload}).encode()
			signature = hmac.new(HMAC_KEY.encode(), body, hashlib.sha256).hexdigest()
			keys.add(self.gateway.receive(webhook(body, x_phonepe_checksum_signature=signature)).event_key)
		self.assertEqual(len(keys), 2)

	def test_orders_and_refunds_are_heard_under_all_their_names(self):
		"""phonepe.md section 4, Events: pg.order.* are those of the custom checkout."""
		order = {"merchantOrderId": "HM9", "orderId": "OMO9", "amount": 100}
		for name in ("checkout.order", "pg.order"):
			for state, outcome in (("COMPLETED", Outcome.PAID), ("FAILED", Outcome.FAILED)):
				event = self.heard(f"{name}.{state.lower()}", {**order, "state": state})
				self.assertEqual((event.outcome, event.reference), (outcome, "HM9"))
		refund = {
			"originalMerchantOrderId": "HM9",
			"merchantRefundId": "RF9",
			"refundId": "OMR9",
			"amount": 100,
		}
		outcomes = {"accepted": "PENDING", "completed": "COMPLETED", "failed": "FAILED"}
		told = [
			self.heard(f"pg.refund.{word}", {**refund, "state": state}) for word, state in outcomes.items()
		]
		self.assertEqual([one.outcome.value for one in told], ["processing", "refunded", "failed"])
		self.assertEqual({(one.key, one.reference) for one in told}, {("RF9", "HM9")})

	def heard(self, name: str, payload: dict):
		body = json.dumps({"event": name, "payload": payload}).encode()
		signature = hmac.new(HMAC_KEY.encode(), body, hashlib.sha256).hexdigest()
		(event,) = self.gateway.receive(webhook(body, x_phonepe_checksum_signature=signature)).events
		return event

	def test_a_failed_attempt_tells_no_event(self):
		self.configure(keeps_order_open=True)
		self.gateway.create(request("HM3"))
		self.simulator.pay("phonepe", "HM3", outcome="failure")
		notice = self.gateway.receive(delivered(self.simulator.webhooks.take()[-1]))
		self.assertEqual(notice.events, ())
		self.assertEqual(notice.event_type, "checkout.transaction.attempt.failed")

	def test_a_wrong_signature_is_refused(self):
		self.simulator.faults.add("phonepe", "webhook", "wrong_signature")
		self.paid("HM4")
		with self.assertRaises(SignatureError):
			self.gateway.receive(delivered(self.simulator.webhooks.take()[-1]))

	def test_an_unknown_event_is_told_by_name_without_events(self):
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


class TestAnyBytes(unittest.TestCase):
	"""Whatever arrives, it is refused, malformed, or a notice; never another exception."""

	def check(self, secrets, call: Callback):
		try:
			notice = adapter(secrets).receive(call)
		except (SignatureError, MalformedNotice):
			return
		self.assertTrue(notice.event_key is None or 0 < len(notice.event_key) <= 140)
		for event in notice.events:
			self.assertTrue(event.outcome is not Outcome.PAID or (event.payment_id and event.amount > 0))

	@settings(max_examples=150, deadline=None)
	@given(st.binary(max_size=300), st.text(max_size=80), st.sampled_from([NEW, WITH_HMAC, LEGACY]))
	def test_unsigned(self, body, header, secrets):
		names = ("Authorization", "x-phonepe-checksum-signature", "X-VERIFY")
		self.check(secrets, Callback("webhook", "POST", dict.fromkeys(names, header), {}, body))
		self.check(secrets, Callback("return", "GET", {}, {"attempt": header}, body))

	@settings(max_examples=200, deadline=None)
	@given(words | text, payloads | json_values)
	def test_signed_by_hmac(self, event, payload):
		body = json.dumps({"event": event, "payload": payload}).encode("utf-8", "replace")
		signature = hmac.new(HMAC_KEY.encode(), body, hashlib.sha256).hexdigest()
		self.check(WITH_HMAC, webhook(body, x_phonepe_checksum_signature=signature))

	@settings(max_examples=200, deadline=None)
	@given(
		st.binary(max_size=100)
		| payloads.map(lambda p: json.dumps({"data": p, "code": "PAYMENT_SUCCESS"}).encode())
	)
	def test_signed_by_salt(self, inner):
		for packed in (base64.b64encode(inner).decode(), inner.decode("latin-1")):
			checksum = hashlib.sha256((packed + SALT).encode()).hexdigest() + "###1"
			self.check(LEGACY, webhook(json.dumps({"response": packed}).encode(), X_VERIFY=checksum))
