"""What Razorpay's webhooks and the customer's return say, and what is only a reason for a status query."""

import json
import unittest
from dataclasses import replace
from datetime import timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways.base import Callback, Outcome, RefundOutcome
from oropendola_payments.gateways.errors import MalformedNotice, SignatureError
from oropendola_payments.gateways.razorpay.adapter import Razorpay
from oropendola_payments.gateways.razorpay.test_case import RazorpayCase, event_body, returned, sign, webhook
from oropendola_payments.tests.support.proofs import examples


class TestReturn(RazorpayCase):
	def come_back(self, outcome="success") -> Callback:
		self.open()
		back = self.simulator.pay("razorpay", self.reference, outcome=outcome)
		return Callback(
			"return", back.method, {}, {"gateway": "razorpay", "attempt": self.reference}, b"", back.fields
		)

	def test_a_signed_return_names_its_order_and_must_be_confirmed(self):
		"""Razorpay: a signature proves neither amount nor capture; fetch the payment."""
		notice = self.gateway.receive(self.come_back())
		order = self.simulator.order("razorpay", self.reference)
		self.assertEqual((notice.verified, notice.confirm, notice.events), (True, True, ()))
		self.assertEqual((notice.order_id, notice.reference), (order.order_id, self.reference))

	def test_a_signature_is_accepted_for_its_own_order_only(self):
		"""S2: a cheap payment of another order must not settle this one."""
		back = self.come_back()
		for name in ("razorpay_order_id", "razorpay_payment_id"):
			forged = replace(back, form={**back.form, name: "order_Expensive00001"})
			with self.subTest(name), self.assertRaises(SignatureError):
				self.gateway.receive(forged)

	def test_the_signed_text_cannot_be_cut_elsewhere(self):
		"""`a|b` + `c` and `a` + `b|c` have the same digest."""
		signature = sign(b"order_1|x|pay_1", Razorpay.simulator_secrets["key_secret"])
		for ids in (("order_1|x", "pay_1"), ("order_1", "x|pay_1")):
			with self.subTest(ids), self.assertRaises(SignatureError):
				self.gateway.receive(returned(*ids, signature))

	def test_the_order_of_the_parts_matters(self):
		"""Subscriptions sign payment before subscription; orders the other way round."""
		signature = sign(b"pay_1|order_1", Razorpay.simulator_secrets["key_secret"])
		with self.assertRaises(SignatureError):
			self.gateway.receive(returned("order_1", "pay_1", signature))

	def test_failed_and_cancelled_returns_are_unsigned_notices(self):
		"""They are not signed (S4, S10)."""
		for outcome in ("failure", "cancel", "pending"):
			with self.subTest(outcome):
				notice = self.gateway.receive(self.come_back(outcome))
				self.assertEqual((notice.verified, notice.events, notice.event_key), (False, (), None))
				self.assertEqual(notice.reference, self.reference)

	def test_a_reference_from_the_address_bar_is_taken_only_when_it_looks_like_one(self):
		for attempt in ("", "x" * 65, "a b", "'; --", "é"):
			notice = self.gateway.receive(Callback("return", "GET", {}, {"attempt": attempt}))
			self.assertIsNone(notice.reference)


class TestWebhooks(RazorpayCase):
	def test_three_events_of_one_payment_report_the_same_payment(self):
		"""razorpay.md pitfall 3: several events made two orders. payment.captured and order.paid describe one capture with two event ids."""
		self.pay()
		authorized, captured, paid = self.notices()
		names = [notice.event_type for notice in (authorized, captured, paid)]
		self.assertEqual(names, ["payment.authorized", "payment.captured", "order.paid"])
		self.assertEqual(authorized.events[0].outcome, Outcome.AUTHORIZED)
		(charge,) = self.simulator.captures("razorpay")
		for notice in (captured, paid):
			(event,) = notice.events
			self.assertEqual((event.outcome, event.payment_id), (Outcome.PAID, charge.payment_id))
			self.assertEqual((event.reference, notice.confirm), (self.reference, True))
		self.assertEqual(len({n.event_key for n in (authorized, captured, paid)}), 3)

	def test_the_event_key_is_razorpays_event_id(self):
		"""P5. x-razorpay-event-id is the same on every retry."""
		self.pay()
		delivery = self.simulator.webhooks.take("razorpay")[0]
		twice = [self.gateway.receive(Callback("webhook", "POST", delivery.headers, {}, delivery.body))] * 2
		self.assertEqual({n.event_key for n in twice}, {delivery.headers["x-razorpay-event-id"]})

	def test_without_a_usable_event_id_the_event_key_comes_from_the_body(self):
		"""R11: two different events must not share a name."""
		keys = set()
		for event_id, amount in (("", 1), ("x" * 141, 1), ("a b", 1), ("", 2)):
			keys.add(self.gateway.receive(webhook(event_body(amount=amount), event_id=event_id)).event_key)
		self.assertEqual(len(keys), 2)
		self.assertTrue(all(len(key) <= 140 for key in keys))

	def test_a_failed_payment_is_pending_and_may_be_captured_later(self):
		"""razorpay.com/docs/webhooks/payments: payment.failed, then payment.captured, for UPI retries."""
		self.pay(outcome="failure")
		(failed,) = self.notices()
		self.simulator.finish("razorpay", self.reference)
		captured = self.notices()[1]
		self.assertEqual((failed.events[0].outcome, failed.event_type), (Outcome.PENDING, "payment.failed"))
		self.assertIn("declined", failed.events[0].reason)
		self.assertEqual(captured.events[0].outcome, Outcome.PAID)
		self.assertEqual(captured.payment_id, failed.payment_id)

	def test_the_flag_captured_is_ignored(self):
		"""Razorpay's own samples of failed and authorised card payments carry captured: true."""
		for status, outcome in (("failed", Outcome.PENDING), ("authorized", Outcome.AUTHORIZED)):
			body = event_body("payment.failed", status=status, captured=True)
			self.assertEqual(self.gateway.receive(webhook(body)).events[0].outcome, outcome)

	def test_an_unknown_state_is_never_paid(self):
		for status in ("settled", "", None, 1, ["captured"], {"captured": True}):
			notice = self.gateway.receive(webhook(event_body(status=status)))
			self.assertEqual((notice.events[0].outcome, notice.confirm), (Outcome.PENDING, True))

	def test_a_reason_is_one_readable_line(self):
		body = event_body(status="failed", error_description="asha@simbank\nsaid no\ud800", amount=True)
		(event,) = self.gateway.receive(webhook(body)).events
		self.assertEqual((event.reason, event.amount), ("… said no", None))

	def test_the_amount_of_the_event_is_reported_unchanged(self):
		self.open()
		self.fault("webhook", "wrong_amount", amount_minor=100)
		self.simulator.pay("razorpay", self.reference)
		self.assertEqual(str(self.notices()[1].events[0].amount), "1.00")

	def test_notices_contain_no_payer_data(self):
		for method in ("card", "upi"):
			self.pay(method=method)
			reported = repr(self.notices())
			for personal in ("asha", "+91", "@example", "Example"):
				self.assertNotIn(personal, reported)

	def test_refund_events_carry_our_key_their_order_and_their_time(self):
		self.configure(refund_status="pending")
		payment, event = self.pay()
		self.gateway.refund(self.make_refund(payment, event))
		self.simulator.finish_refund("razorpay", "RF0001", "failure")
		created, failed = self.notices()[-2:]
		self.assertEqual([n.event_type for n in (created, failed)], ["refund.created", "refund.failed"])
		outcomes = [n.events[0].outcome for n in (created, failed)]
		self.assertEqual(outcomes, [RefundOutcome.PROCESSING, RefundOutcome.FAILED])
		reported = failed.events[0]
		self.assertEqual((reported.key, reported.payment_id), ("RF0001", event.payment_id))
		self.assertEqual((reported.reference, reported.order_id), (self.reference, payment.order_id))
		self.assertEqual(reported.occurred_at.tzinfo, timezone.utc)

	def test_a_refund_from_the_dashboard_has_no_key_of_ours(self):
		_, event = self.pay()
		self.gateway.client.sdk.payment.refund(event.payment_id, {"amount": 100})
		reported = self.notices()[-1].events[0]
		self.assertEqual(
			(reported.key, reported.payment_id, str(reported.amount)), (None, event.payment_id, "1.00")
		)

	def test_disputes_are_open_won_or_lost(self):
		self.pay()
		self.simulator.webhooks.clear()
		for state in ("open", "won", "lost"):
			self.simulator.dispute("razorpay", self.reference, state)
		reported = [notice.events[0] for notice in self.notices()]
		self.assertEqual([dispute.state for dispute in reported], ["open", "won", "lost"])
		self.assertEqual({dispute.reference for dispute in reported}, {self.reference})

	def test_a_dispute_that_was_closed_at_our_cost_is_lost(self):
		for deducted, state in ((0, "won"), (100, "lost")):
			dispute = {"id": "disp_1", "payment_id": "pay_1", "status": "closed", "amount_deducted": deducted}
			body = {"event": "payment.dispute.closed", "payload": {"dispute": {"entity": dispute}}}
			notice = self.gateway.receive(webhook(json.dumps(body).encode()))
			self.assertEqual(notice.events[0].state, state)

	def test_events_of_other_kinds_are_named_and_empty(self):
		notice = self.gateway.receive(webhook(event_body("payment.downtime.started")))
		self.assertEqual((notice.events, notice.verified), ((), True))
		self.assertEqual((notice.event_type, notice.event_key), ("payment.downtime.started", "Evt0000000001"))

	def test_signed_nonsense_is_malformed(self):
		captured_without = [event_body(**{name: None}) for name in ("id", "amount", "currency")]
		odd = (
			b"",
			b"[]",
			b"null",
			b"\xff",
			b"{}",
			b'{"event":1}',
			b'{"event":"payment.captured"}',
			b"[" * 9999,
		)
		for body in (*odd, *captured_without, event_body(amount=True), event_body(amount=1.5)):
			with self.subTest(body[:40]), self.assertRaises(MalformedNotice):
				self.gateway.receive(webhook(body))


JSON = st.recursive(
	st.none()
	| st.booleans()
	| st.integers()
	| st.floats()
	| st.text()
	| st.sampled_from(["captured", "INR"]),
	lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
	max_leaves=8,
)
FIELDS = (
	"id",
	"order_id",
	"amount",
	"currency",
	"status",
	"notes",
	"card",
	"vpa",
	"created_at",
	"error_description",
)
ENTITY = st.dictionaries(st.sampled_from(FIELDS), JSON)
NAMES = (
	st.sampled_from(["payment.captured", "order.paid", "refund.failed", "payment.dispute.won"]) | st.text()
)


class TestFuzz(RazorpayCase):
	@given(st.binary(max_size=300), st.booleans())
	@settings(max_examples=examples(150), deadline=None)
	def test_any_bytes_are_read_or_refused(self, body, signed):
		self.receive_any(webhook(body, sign(body) if signed else "x"))

	@given(NAMES, ENTITY, ENTITY, JSON)
	@settings(max_examples=examples(300), deadline=None)
	def test_any_signed_json_is_read_or_refused(self, name, entity, other, created_at):
		payload = {part: {"entity": entity} for part in ("refund", "dispute", "order")}
		payload["payment"] = {"entity": other}
		body = json.dumps({"event": name, "payload": payload, "created_at": created_at}).encode()
		self.receive_any(webhook(body))

	@given(st.dictionaries(st.sampled_from(["order", "payment", "x"]), st.text()), st.text(), st.text())
	@settings(max_examples=examples(150), deadline=None)
	def test_any_return_is_read_or_refused(self, ids, signature, attempt):
		form = {f"razorpay_{name}_id": value for name, value in ids.items()}
		form["razorpay_signature"] = signature
		self.receive_any(Callback("return", "POST", {}, {"attempt": attempt}, b"", form))


if __name__ == "__main__":
	unittest.main()
