"""Cashfree's webhooks and returns: signatures, what they tell, and any bytes whatsoever."""

import base64
import hashlib
import hmac
import json
import unittest
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways.base import Callback, Outcome, RefundOutcome
from oropendola_payments.gateways.cashfree.test_adapter import (
	SECRETS,
	WithSimulator,
	adapter,
	delivered,
	refund_of,
)
from oropendola_payments.gateways.errors import MalformedNotice, SignatureError

# The worked example of the facts.
SECRET = "cfsk_ma_test_demo_0123456789"
TIMESTAMP = "1735689600000"
BODY = (
	b'{"data":{"order":{"order_id":"PAYREQ-0007","order_amount":1499.00,"order_currency":"INR"},'
	b'"payment":{"cf_payment_id":"1453002795","payment_status":"SUCCESS","payment_amount":1499.00}},'
	b'"event_time":"2025-01-01T05:30:00+05:30","type":"PAYMENT_SUCCESS_WEBHOOK"}'
)
SIGNATURE = "RVnTPyS5IIW/bIfcW8qGmRCgMXhHrRxFzoX6JJrg5gc="
SENT = datetime(2025, 1, 1, tzinfo=timezone.utc)

text = st.text(max_size=100)
values = st.recursive(
	st.none() | st.booleans() | st.integers() | st.floats() | text,
	lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
	max_leaves=10,
)
words = st.sampled_from(["SUCCESS", "FAILED", "INR", "PAY1", 1453002795, "1453002795", 1499.5, True, False])
fields = st.fixed_dictionaries(
	{},
	optional=dict.fromkeys(
		(
			"order_id",
			"cf_payment_id",
			"payment_status",
			"payment_amount",
			"payment_currency",
			"is_captured",
			"authorization",
			"payment_time",
			"cf_refund_id",
			"refund_status",
			"refund_amount",
			"dispute_id",
			"dispute_status",
			"dispute_amount",
		),
		values | words,
	),
)
parts = ("order", "payment", "refund", "auto_refund", "dispute", "order_details")
contents = st.fixed_dictionaries({}, optional=dict.fromkeys(parts, fields | values))
kinds = st.sampled_from(
	[
		"PAYMENT_SUCCESS_WEBHOOK",
		"PAYMENT_FAILED_WEBHOOK",
		"REFUND_STATUS_WEBHOOK",
		"AUTO_REFUND_STATUS_WEBHOOK",
		"DISPUTE_CREATED",
		"SETTLEMENT_SUCCESS",
	]
)


def signed(
	body: bytes, at: datetime | None = None, secret: str = SECRETS["key_secret"], **headers
) -> Callback:
	stamp = str(int((at or datetime.now(timezone.utc)).timestamp() * 1000))
	mac = base64.b64encode(hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()).decode()
	named = {"x-webhook-timestamp": stamp, "x-webhook-signature": mac, **headers}
	return Callback("webhook", "POST", named, {"gateway": "cashfree"}, body)


def told(kind: str, **data) -> bytes:
	return json.dumps({"type": kind, "event_time": "2026-01-01T10:00:00+05:30", "data": data}).encode()


class TestSignature(unittest.TestCase):
	def gateway(self, now=SENT, **secrets):
		return adapter({"key_id": "demo", "key_secret": SECRET, **secrets}, now=lambda: now)

	def call(self, signature=SIGNATURE, timestamp=TIMESTAMP, body=BODY) -> Callback:
		headers = {"X-Webhook-Timestamp": timestamp, "X-Webhook-Signature": signature}
		return Callback("webhook", "POST", headers, {}, body)

	def test_the_example_of_the_facts_is_accepted(self):
		self.assertEqual(self.gateway().receive(self.call()).reference, "PAYREQ-0007")

	def test_wrong_variants_are_refused(self):
		"""cashfree.md pitfall 2: with a dot between, parsed and written again, hexadecimal, under another secret."""
		mac = hmac.new(SECRET.encode(), TIMESTAMP.encode() + BODY, hashlib.sha256)
		dotted = "ZdCWilqGktIBnMTboiA8lk99GzFpgItOykc6ikokLQ4="
		rewritten = "6CPj+BpYfUYbQJo+zVbzsAbqLjbd3i3b9Tcho26R9Xc="
		for wrong in ("", dotted, rewritten, mac.hexdigest(), SIGNATURE[:-1], SIGNATURE + "="):
			with self.subTest(wrong), self.assertRaises(SignatureError):
				self.gateway().receive(self.call(wrong))

	def test_one_changed_byte_is_refused(self):
		"""S4: and with the raw body, not a parsed one."""
		for body in (BODY.replace(b"1499.00", b"1499.0"), BODY + b" ", BODY.replace(b"SUCCESS", b"FAILED")):
			with self.assertRaises(SignatureError):
				self.gateway().receive(self.call(body=body))

	def test_another_timestamp_is_refused(self):
		for timestamp in ("1735689600001", "", "-1", "1735689600000 ", "9" * 15, "\u0661" * 13):
			with self.subTest(timestamp), self.assertRaises(SignatureError):
				self.gateway().receive(self.call(timestamp=timestamp))

	def test_text_that_is_not_ascii_is_a_wrong_signature(self):
		"""S23."""
		for wrong in ("é" * 44, "\ud800"):
			with self.assertRaises(SignatureError):
				self.gateway().receive(self.call(wrong))

	def test_old_messages_are_refused_but_retries_have_room(self):
		"""Retries come after 2, 10 and 30 minutes by default, and up to ten of them can be configured."""
		for hours in (0, 1, 23):
			self.assertTrue(self.gateway(SENT + timedelta(hours=hours)).receive(self.call()).verified)
		for hours in (25, -1):
			with self.assertRaises(SignatureError):
				self.gateway(SENT + timedelta(hours=hours)).receive(self.call())

	def test_both_secrets_work_while_one_is_changed(self):
		gateway = self.gateway(key_secret="cfsk_ma_test_new", webhook_secret_previous=SECRET)
		self.assertTrue(gateway.receive(self.call()).verified)
		with self.assertRaises(SignatureError):
			self.gateway(key_secret="cfsk_ma_test_new").receive(self.call())

	def test_without_a_secret_everything_is_refused(self):
		"""S6."""
		empty = base64.b64encode(hmac.new(b"", TIMESTAMP.encode() + BODY, hashlib.sha256).digest()).decode()
		with self.assertRaises(SignatureError):
			self.gateway(key_secret="").receive(self.call(empty))


class TestContent(WithSimulator):
	def last(self):
		return self.gateway.receive(delivered(self.simulator.webhooks.take()[-1]))

	def test_a_paid_order_is_proven_but_confirmed_for_it_could_be_a_mere_hold(self):
		payment_id = self.paid("WH1")
		notice = self.last()
		event = notice.events[0]
		self.assertEqual(
			(event.outcome, event.reference, event.payment_id), (Outcome.PAID, "WH1", payment_id)
		)
		self.assertEqual((event.amount, event.currency), (Decimal("1499.00"), "INR"))
		self.assertTrue(notice.verified and notice.confirm)

	def test_a_hold_is_not_told_as_paid_once_it_is_confirmed(self):
		self.configure(holds_only=True)
		self.open("WH2")
		self.simulator.pay("cashfree", "WH2")
		self.assertTrue(self.last().confirm)
		self.assertEqual(self.status("WH2").outcome, Outcome.AUTHORIZED)

	def test_a_success_that_says_it_is_captured_needs_no_question(self):
		payment = {
			"cf_payment_id": 1,
			"payment_status": "SUCCESS",
			"payment_amount": 5,
			"payment_currency": "INR",
		}
		body = told(
			"PAYMENT_SUCCESS_WEBHOOK", order={"order_id": "WH3"}, payment={**payment, "is_captured": True}
		)
		self.assertFalse(self.gateway.receive(signed(body)).confirm)
		body = told(
			"PAYMENT_SUCCESS_WEBHOOK", order={"order_id": "WH3"}, payment={**payment, "is_captured": False}
		)
		self.assertEqual(self.gateway.receive(signed(body)).events[0].outcome, Outcome.AUTHORIZED)

	def test_a_service_fee_is_left_out_of_the_webhooks_amount_too(self):
		payment = {
			"cf_payment_id": 1,
			"payment_status": "SUCCESS",
			"payment_amount": 1520.5,
			"payment_currency": "INR",
		}
		order = {"order_id": "WH12", "order_amount": 1499.0}
		event = self.gateway.receive(
			signed(told("PAYMENT_SUCCESS_WEBHOOK", order=order, payment=payment))
		).events[0]
		self.assertEqual(event.amount, Decimal("1499"))

	def test_failed_and_dropped_attempts_leave_the_order_open(self):
		"""cashfree.md pitfall 3."""
		self.open("WH4")
		for outcome, kind in (
			("failure", "PAYMENT_FAILED_WEBHOOK"),
			("cancel", "PAYMENT_USER_DROPPED_WEBHOOK"),
		):
			self.simulator.pay("cashfree", "WH4", outcome=outcome)
			notice = self.last()
			self.assertEqual(notice.event_type, kind)
			self.assertEqual((notice.events[0].outcome, notice.events[0].payment_id), (Outcome.PENDING, None))

	def test_the_key_is_the_same_on_repetition_and_differs_by_fact(self):
		"""R11: FAILED of one attempt and SUCCESS of the next are two messages of one order."""
		self.open("WH5")
		self.simulator.pay("cashfree", "WH5", outcome="failure")
		self.simulator.faults.add("cashfree", "webhook", "duplicate_webhook")
		self.simulator.pay("cashfree", "WH5")
		keys = [self.gateway.receive(delivered(one)).event_key for one in self.simulator.webhooks.take()]
		self.assertEqual((len(keys), len(set(keys))), (3, 2))
		self.assertEqual(keys[1], keys[2])

	def test_the_key_comes_from_signed_content_not_from_a_header(self):
		"""P9. x-idempotency-key is outside the signature: who replays a message could rename it."""
		payment = {"cf_payment_id": "1", "payment_status": "FAILED"}
		body = told("PAYMENT_FAILED_WEBHOOK", order={"order_id": "WH6"}, payment=payment)
		keys = {
			self.gateway.receive(signed(body, **{"x-idempotency-key": key})).event_key for key in ("a", "b")
		}
		self.assertEqual(len(keys), 1)

	def test_another_state_of_the_same_payment_is_another_message(self):
		keys = set()
		for status in ("SUCCESS", "CANCELLED"):
			payment = {"cf_payment_id": "1", "payment_status": status}
			body = told("PAYMENT_SUCCESS_WEBHOOK", order={"order_id": "WH13"}, payment=payment)
			keys.add(self.gateway.receive(signed(body)).event_key)
		self.assertEqual(len(keys), 2)

	def test_a_refund_is_told_with_our_key(self):
		payment_id = self.paid("WH7")
		self.gateway.refund(refund_of("WH7", payment_id, "500.00"))
		self.simulator.finish_refund("cashfree", "RF1")
		event = self.last().events[0]
		self.assertEqual((event.outcome, event.key, event.reference), (RefundOutcome.REFUNDED, "RF1", "WH7"))
		self.assertEqual((event.amount, event.payment_id), (Decimal("500.00"), payment_id))
		self.assertIsNotNone(event.occurred_at)

	def test_an_automatic_refund_has_no_key_of_ours(self):
		refund = {"cf_refund_id": 9, "cf_payment_id": 5, "refund_status": "SUCCESS", "refund_amount": 1}
		event = self.gateway.receive(signed(told("AUTO_REFUND_STATUS_WEBHOOK", auto_refund=refund))).events[0]
		self.assertEqual((event.key, event.payment_id, event.outcome), (None, "5", RefundOutcome.REFUNDED))

	def test_disputes_are_told_by_their_outcome(self):
		payment_id = self.paid("WH8")
		for state in ("open", "won", "lost"):
			self.simulator.dispute("cashfree", "WH8", state)
			event = self.last().events[0]
			self.assertEqual((event.state, event.payment_id, event.reference), (state, payment_id, "WH8"))
			self.assertEqual(event.amount, Decimal("1499.00"))

	def test_the_status_of_a_dispute_is_read_as_the_documentation_prints_it(self):
		"""The sample of the documentation has it in two pairs of quotes."""
		dispute = {"dispute_id": "7", "dispute_status": '"DISPUTE_MERCHANT_WON"'}
		event = self.gateway.receive(signed(told("DISPUTE_CLOSED", dispute=dispute))).events[0]
		self.assertEqual(event.state, "won")

	def test_unknown_types_are_named_and_told_apart(self):
		keys = set()
		for number in (1, 2):
			notice = self.gateway.receive(signed(told("SETTLEMENT_SUCCESS", settlement={"id": number})))
			self.assertEqual(
				(notice.events, notice.event_type, notice.verified), ((), "SETTLEMENT_SUCCESS", True)
			)
			keys.add(notice.event_key)
		self.assertEqual(len(keys), 2)

	def test_signed_nonsense_is_malformed(self):
		bodies = [
			b"",
			b"[]",
			b"\xff",
			b"[" * 100_000,
			told("PAYMENT_SUCCESS_WEBHOOK"),
			told("REFUND_STATUS_WEBHOOK"),
		]
		for body in [*bodies, told("DISPUTE_CREATED"), b'{"a": 1e99999999999999999999}']:
			with self.subTest(body[:40]), self.assertRaises(MalformedNotice):
				self.gateway.receive(signed(body))

	def test_a_wrong_signature_of_the_gateway_is_refused(self):
		self.open("WH9")
		self.simulator.faults.add("cashfree", "webhook", "wrong_signature")
		self.simulator.pay("cashfree", "WH9")
		with self.assertRaises(SignatureError):
			self.last()

	def test_the_return_is_a_doorbell(self):
		"""cashfree.md pitfall 4: the visit is unsigned (S4, S5)."""
		call = Callback("return", "GET", {}, {"attempt": "WH10", "order_status": "PAID"})
		notice = self.gateway.receive(call)
		self.assertEqual((notice.verified, notice.events, notice.reference), (False, (), "WH10"))

	def test_personal_data_stays_out_of_events(self):
		payment = {
			"cf_payment_id": "1",
			"payment_status": "SUCCESS",
			"payment_amount": 5,
			"payment_currency": "INR",
		}
		payment["payment_method"] = {"upi": {"upi_id": "asha.example@okbank"}}
		person = {"customer_email": "asha@example.com", "customer_phone": "9876543210"}
		body = told(
			"PAYMENT_SUCCESS_WEBHOOK", order={"order_id": "WH11"}, payment=payment, customer_details=person
		)
		notice = repr(self.gateway.receive(signed(body)))
		for private in ("asha", "9876543210"):
			self.assertNotIn(private, notice)


class TestAnyBytes(unittest.TestCase):
	"""Whatever arrives, it is refused, malformed, or a notice; never another exception."""

	def check(self, call: Callback):
		try:
			notice = adapter().receive(call)
		except (SignatureError, MalformedNotice):
			return
		self.assertTrue(notice.event_key is None or 0 < len(notice.event_key) <= 140)
		for event in notice.events:
			if getattr(event, "outcome", None) in (Outcome.PAID, Outcome.AUTHORIZED):
				self.assertTrue(event.payment_id and event.amount > 0 and len(event.currency) == 3)

	@settings(max_examples=150, deadline=None)
	@given(st.binary(max_size=300), st.text(max_size=60), st.text(max_size=60))
	def test_unsigned(self, body, stamp, signature):
		headers = {"x-webhook-timestamp": stamp, "x-webhook-signature": signature}
		self.check(Callback("webhook", "POST", headers, {}, body))
		self.check(Callback("return", "GET", headers, {"attempt": stamp}, body))

	@settings(max_examples=300, deadline=None)
	@given(kinds | text, contents | values, values)
	def test_signed(self, kind, data, moment):
		body = json.dumps({"type": kind, "data": data, "event_time": moment})
		self.check(signed(body.encode("utf-8", "replace")))

	@settings(max_examples=100, deadline=None)
	@given(st.binary(max_size=200))
	def test_signed_bytes(self, body):
		self.check(signed(body))


if __name__ == "__main__":
	unittest.main()
