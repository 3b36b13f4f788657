"""What Cashfree's webhooks and the customer's return say."""

import json
import unittest
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways.base import Callback, Outcome, RefundOutcome
from oropendola_payments.gateways.cashfree.test_case import CashfreeCase, message, signed
from oropendola_payments.gateways.errors import MalformedNotice, SignatureError
from oropendola_payments.tests.support.proofs import examples

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


class TestContent(CashfreeCase):
	def last(self):
		return self.gateway.receive(self.webhook(self.simulator.webhooks.take()[-1]))

	def test_a_success_is_verified_and_must_be_confirmed(self):
		payment_id = self.paid("WH1")
		notice = self.last()
		event = notice.events[0]
		self.assertEqual(
			(event.outcome, event.reference, event.payment_id), (Outcome.PAID, "WH1", payment_id)
		)
		self.assertEqual((event.amount, event.currency), (Decimal("1499.00"), "INR"))
		self.assertTrue(notice.verified and notice.confirm)

	def test_a_hold_is_authorized_when_it_is_confirmed(self):
		self.configure(holds_only=True)
		self.create("WH2")
		self.simulator.pay("cashfree", "WH2")
		self.assertTrue(self.last().confirm)
		self.assertEqual(self.status_of("WH2").outcome, Outcome.AUTHORIZED)

	def test_a_success_that_says_it_is_captured_needs_no_confirmation(self):
		payment = {
			"cf_payment_id": 1,
			"payment_status": "SUCCESS",
			"payment_amount": 5,
			"payment_currency": "INR",
		}
		body = message(
			"PAYMENT_SUCCESS_WEBHOOK", order={"order_id": "WH3"}, payment={**payment, "is_captured": True}
		)
		self.assertFalse(self.gateway.receive(signed(body)).confirm)
		body = message(
			"PAYMENT_SUCCESS_WEBHOOK", order={"order_id": "WH3"}, payment={**payment, "is_captured": False}
		)
		self.assertEqual(self.gateway.receive(signed(body)).events[0].outcome, Outcome.AUTHORIZED)

	def test_a_service_charge_is_not_part_of_the_amount_of_a_webhook(self):
		payment = {
			"cf_payment_id": 1,
			"payment_status": "SUCCESS",
			"payment_amount": 1520.5,
			"payment_currency": "INR",
			"payment_surcharge": {
				"payment_surcharge_service_charge": 18.22,
				"payment_surcharge_service_tax": 3.28,
			},
		}
		order = {"order_id": "WH12", "order_amount": 1499.0}
		event = self.gateway.receive(
			signed(message("PAYMENT_SUCCESS_WEBHOOK", order=order, payment=payment))
		).events[0]
		self.assertEqual(event.amount, Decimal("1499"))

	def test_failed_and_dropped_attempts_leave_the_order_open(self):
		"""cashfree.md pitfall 3."""
		self.create("WH4")
		for outcome, kind in (
			("failure", "PAYMENT_FAILED_WEBHOOK"),
			("cancel", "PAYMENT_USER_DROPPED_WEBHOOK"),
		):
			self.simulator.pay("cashfree", "WH4", outcome=outcome)
			notice = self.last()
			self.assertEqual(notice.event_type, kind)
			self.assertEqual((notice.events[0].outcome, notice.events[0].payment_id), (Outcome.PENDING, None))

	def test_a_repeated_message_has_the_same_key_and_another_state_another(self):
		"""R11: FAILED of one attempt and SUCCESS of the next are two messages of one order."""
		self.create("WH5")
		self.simulator.pay("cashfree", "WH5", outcome="failure")
		self.fault("webhook", "duplicate_webhook")
		self.simulator.pay("cashfree", "WH5")
		keys = [self.gateway.receive(self.webhook(one)).event_key for one in self.simulator.webhooks.take()]
		self.assertEqual((len(keys), len(set(keys))), (3, 2))
		self.assertEqual(keys[1], keys[2])

	def test_the_key_comes_from_signed_content_and_not_from_a_header(self):
		"""P9. x-idempotency-key is outside the signature: who replays a message could rename it."""
		payment = {"cf_payment_id": "1", "payment_status": "FAILED"}
		body = message("PAYMENT_FAILED_WEBHOOK", order={"order_id": "WH6"}, payment=payment)
		keys = {
			self.gateway.receive(signed(body, **{"x-idempotency-key": key})).event_key for key in ("a", "b")
		}
		self.assertEqual(len(keys), 1)

	def test_another_state_of_the_same_payment_is_another_message(self):
		keys = set()
		for status in ("SUCCESS", "CANCELLED"):
			payment = {"cf_payment_id": "1", "payment_status": status}
			body = message("PAYMENT_SUCCESS_WEBHOOK", order={"order_id": "WH13"}, payment=payment)
			keys.add(self.gateway.receive(signed(body)).event_key)
		self.assertEqual(len(keys), 2)

	def test_a_refund_event_carries_our_key(self):
		payment_id = self.paid("WH7")
		self.gateway.refund(self.refund_of("WH7", payment_id, "500.00"))
		self.simulator.finish_refund("cashfree", "RF1")
		event = self.last().events[0]
		self.assertEqual((event.outcome, event.key, event.reference), (RefundOutcome.REFUNDED, "RF1", "WH7"))
		self.assertEqual((event.amount, event.payment_id), (Decimal("500.00"), payment_id))
		self.assertIsNotNone(event.occurred_at)

	def test_an_automatic_refund_has_no_key_of_ours(self):
		refund = {"cf_refund_id": 9, "cf_payment_id": 5, "refund_status": "SUCCESS", "refund_amount": 1}
		event = self.gateway.receive(
			signed(message("AUTO_REFUND_STATUS_WEBHOOK", auto_refund=refund))
		).events[0]
		self.assertEqual((event.key, event.payment_id, event.outcome), (None, "5", RefundOutcome.REFUNDED))

	def test_disputes_are_open_won_or_lost(self):
		payment_id = self.paid("WH8")
		for state in ("open", "won", "lost"):
			self.simulator.dispute("cashfree", "WH8", state)
			event = self.last().events[0]
			self.assertEqual((event.state, event.payment_id, event.reference), (state, payment_id, "WH8"))
			self.assertEqual(event.amount, Decimal("1499.00"))

	def test_a_quoted_dispute_status_is_read(self):
		"""The sample of the documentation has it in two pairs of quotes."""
		dispute = {"dispute_id": "7", "dispute_status": '"DISPUTE_MERCHANT_WON"'}
		event = self.gateway.receive(signed(message("DISPUTE_CLOSED", dispute=dispute))).events[0]
		self.assertEqual(event.state, "won")

	def test_unknown_types_are_named_and_have_keys_of_their_own(self):
		keys = set()
		for number in (1, 2):
			notice = self.gateway.receive(signed(message("SETTLEMENT_SUCCESS", settlement={"id": number})))
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
			message("PAYMENT_SUCCESS_WEBHOOK"),
			message("REFUND_STATUS_WEBHOOK"),
		]
		for body in [*bodies, message("DISPUTE_CREATED"), b'{"a": 1e99999999999999999999}']:
			with self.subTest(body[:40]), self.assertRaises(MalformedNotice):
				self.gateway.receive(signed(body))

	def test_a_wrong_signature_of_the_gateway_is_refused(self):
		self.create("WH9")
		self.fault("webhook", "wrong_signature")
		self.simulator.pay("cashfree", "WH9")
		with self.assertRaises(SignatureError):
			self.last()

	def test_the_return_is_an_unsigned_notice(self):
		"""cashfree.md pitfall 4: the visit is unsigned (S4, S5)."""
		call = Callback("return", "GET", {}, {"attempt": "WH10", "order_status": "PAID"})
		notice = self.gateway.receive(call)
		self.assertEqual((notice.verified, notice.events, notice.reference), (False, (), "WH10"))

	def test_events_contain_no_personal_data(self):
		payment = {
			"cf_payment_id": "1",
			"payment_status": "SUCCESS",
			"payment_amount": 5,
			"payment_currency": "INR",
		}
		payment["payment_method"] = {"upi": {"upi_id": "asha.example@okbank"}}
		person = {"customer_email": "asha@example.com", "customer_phone": "9876543210"}
		body = message(
			"PAYMENT_SUCCESS_WEBHOOK", order={"order_id": "WH11"}, payment=payment, customer_details=person
		)
		notice = repr(self.gateway.receive(signed(body)))
		for private in ("asha", "9876543210"):
			self.assertNotIn(private, notice)


class TestAnyBytes(CashfreeCase):
	"""Whatever arrives, it is refused, malformed, or a notice; never another exception."""

	@settings(max_examples=examples(150), deadline=None)
	@given(st.binary(max_size=300), st.text(max_size=60), st.text(max_size=60))
	def test_any_unsigned_bytes_are_read_or_refused(self, body, stamp, signature):
		headers = {"x-webhook-timestamp": stamp, "x-webhook-signature": signature}
		self.receive_any(Callback("webhook", "POST", headers, {}, body))
		self.receive_any(Callback("return", "GET", headers, {"attempt": stamp}, body))

	@settings(max_examples=examples(300), deadline=None)
	@given(kinds | text, contents | values, values)
	def test_any_signed_json_is_read_or_refused(self, kind, data, moment):
		body = json.dumps({"type": kind, "data": data, "event_time": moment})
		self.receive_any(signed(body.encode("utf-8", "replace")))

	@settings(max_examples=examples(100), deadline=None)
	@given(st.binary(max_size=200))
	def test_any_signed_bytes_are_read_or_refused(self, body):
		self.receive_any(signed(body))


if __name__ == "__main__":
	unittest.main()
