"""What Razorpay tells us by browser and by webhook: who may speak, what is a fact, what is only a reason to ask."""

import hashlib
import hmac
import json
import unittest
from dataclasses import replace
from datetime import timezone

import razorpay
from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways.base import Callback, Notice, Outcome, RefundOutcome
from oropendola_payments.gateways.errors import MalformedNotice, SignatureError
from oropendola_payments.gateways.razorpay.adapter import Razorpay
from oropendola_payments.gateways.razorpay.test_adapter import RazorpayCase

SECRET = Razorpay.simulator_secrets["webhook_secret"]


def sign(body: bytes, secret: str = SECRET) -> str:
	return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def webhook(body: bytes, signature: str | None = None, event_id: str = "Evt0000000001") -> Callback:
	headers = {"x-razorpay-event-id": event_id, "X-Razorpay-Signature": signature or sign(body)}
	return Callback("webhook", "POST", headers, {"gateway": "razorpay"}, body)


def event_body(name="payment.captured", **payment) -> bytes:
	entity = {"id": "pay_1", "order_id": "order_1", "amount": 100, "currency": "INR", "status": "captured"}
	return json.dumps({"event": name, "payload": {"payment": {"entity": {**entity, **payment}}}}).encode()


def returned(order_id: str, payment_id: str, signature: str) -> Callback:
	form = {
		"razorpay_order_id": order_id,
		"razorpay_payment_id": payment_id,
		"razorpay_signature": signature,
	}
	return Callback("return", "POST", {}, {"gateway": "razorpay", "attempt": "RZ000001"}, b"", form)


class TestSignatures(RazorpayCase):
	def test_the_worked_example_of_a_webhook_is_accepted(self):
		"""gateways/razorpay.md: 146 bytes, secret whsec-demo-2026."""
		body = (
			b'{"entity":"event","event":"payment.captured","payload":{"payment":{"entity":'
			b'{"id":"pay_Demo0000000001","amount":149950}}},"created_at":1767225600}'
		)
		signature = "c6b57873daea80f199551892993fcbeda0170518260cce312f9ccfa70284b11e"
		self.gateway = self.make_gateway(webhook_secret="whsec-demo-2026")
		notice = self.gateway.receive(webhook(body, signature))
		self.assertEqual((len(body), notice.payment_id), (146, "pay_Demo0000000001"))
		# It says "captured" but neither in which currency nor as a status, so it is a reason to ask.
		self.assertEqual((notice.events[0].outcome, notice.confirm), (Outcome.PENDING, True))

	def test_the_worked_example_of_a_return_is_accepted(self):
		"""gateways/razorpay.md: key_secret DemoKeySecret_7f3a."""
		self.gateway = self.make_gateway(key_secret="DemoKeySecret_7f3a")
		signature = "0c486619e375377b0debf64e0d73325fb7eeaf712bf8630d4fb43a9396e6f14c"
		notice = self.gateway.receive(returned("order_Demo0000000001", "pay_Demo0000000001", signature))
		self.assertEqual((notice.verified, notice.order_id), (True, "order_Demo0000000001"))

	def test_the_official_sdk_accepts_what_the_simulator_signs_and_so_do_we(self):
		self.open_checkout()
		back = self.simulator.pay("razorpay", self.reference)
		official = razorpay.Client(auth=("", Razorpay.simulator_secrets["key_secret"])).utility
		self.assertTrue(official.verify_payment_signature(dict(back.fields)))
		self.assertTrue(self.gateway.receive(Callback("return", "POST", {}, {}, b"", back.fields)).verified)
		for delivery in self.simulator.webhooks.take("razorpay"):
			signature = delivery.headers["X-Razorpay-Signature"]
			self.assertTrue(official.verify_webhook_signature(delivery.body.decode(), signature, SECRET))
			self.assertTrue(self.gateway.receive(webhook(delivery.body, signature)).verified)

	def test_what_the_official_sdk_refuses_we_refuse(self):
		"""razorpay.md pitfalls 1 and 2: re-serialised body, key secret instead of webhook secret."""
		body = event_body()
		official = razorpay.Client(auth=("", "")).utility
		spaced = json.dumps(json.loads(body), indent=1).encode()
		key_secret = Razorpay.simulator_secrets["key_secret"]
		for signature in (sign(spaced), sign(body, key_secret), sign(body).upper(), "", "0" * 64):
			with self.subTest(signature):
				with self.assertRaises(razorpay.errors.SignatureVerificationError):
					official.verify_webhook_signature(body.decode(), signature, SECRET)
				with self.assertRaises(SignatureError):
					self.gateway.receive(webhook(body, signature or " "))

	def test_a_webhook_without_signature_is_refused(self):
		"""razorpay-node issue 453: without a secret on the dashboard the header is missing."""
		self.simulator.configure("razorpay", webhook_secret="")
		self.pay()
		for delivery in self.simulator.webhooks.take("razorpay"):
			self.assertNotIn("X-Razorpay-Signature", delivery.headers)
			with self.assertRaises(SignatureError):
				self.gateway.receive(Callback("webhook", "POST", delivery.headers, {}, delivery.body))

	def test_an_empty_secret_proves_nothing(self):
		"""S6: anyone can sign with an empty key."""
		body = event_body()
		gateway = self.make_gateway(webhook_secret="", key_secret="")
		with self.assertRaises(SignatureError):
			gateway.receive(webhook(body, sign(body, "")))
		with self.assertRaises(SignatureError):
			gateway.receive(returned("order_1", "pay_1", sign(b"order_1|pay_1", "")))

	def test_old_and_new_secret_are_both_good_while_one_is_changed(self):
		"""Razorpay retries events for a day, signed with the old secret."""
		gateway = self.make_gateway(webhook_secret="new-one", webhook_secret_previous="old-one")
		body = event_body()
		for secret, good in (("new-one", True), ("old-one", True), ("older-one", False)):
			with self.subTest(secret):
				if good:
					self.assertTrue(gateway.receive(webhook(body, sign(body, secret))).verified)
				else:
					with self.assertRaises(SignatureError):
						gateway.receive(webhook(body, sign(body, secret)))

	def test_a_signature_beyond_ascii_is_refused_not_an_accident(self):
		"""S23: compare_digest raises on such text."""
		for signature in ("é" * 64, "\ud800", "𝟘" * 64):
			with self.subTest(ascii(signature)), self.assertRaises(SignatureError):
				self.gateway.receive(webhook(event_body(), signature))
			with self.assertRaises(SignatureError):
				self.gateway.receive(returned("order_1", "pay_1", signature))

	def test_every_byte_of_the_body_counts(self):
		"""razorpay.md pitfall 1, razorpay-node issues 29, 380, 434."""
		body = event_body()
		self.assertTrue(self.gateway.receive(webhook(body + b"\n")).verified)
		with self.assertRaises(SignatureError):
			self.gateway.receive(webhook(body + b"\n", sign(body)))

	def test_a_broken_signature_of_the_simulator_is_refused(self):
		self.fault("webhook", "wrong_signature")
		self.pay(outcome="failure")
		with self.assertRaises(SignatureError):
			self.notices()


class TestReturn(RazorpayCase):
	def come_back(self, outcome="success") -> Callback:
		self.open_checkout()
		back = self.simulator.pay("razorpay", self.reference, outcome=outcome)
		return Callback(
			"return", back.method, {}, {"gateway": "razorpay", "attempt": self.reference}, b"", back.fields
		)

	def test_a_signed_return_names_its_order_and_asks_to_be_confirmed(self):
		"""Razorpay: a signature proves neither amount nor capture; fetch the payment."""
		notice = self.gateway.receive(self.come_back())
		order = self.simulator.order("razorpay", self.reference)
		self.assertEqual((notice.verified, notice.confirm, notice.events), (True, True, ()))
		self.assertEqual((notice.order_id, notice.reference), (order.order_id, self.reference))

	def test_a_signature_is_good_for_its_own_order_only(self):
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

	def test_failed_and_cancelled_returns_only_ring_the_bell(self):
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
	def test_a_payment_is_told_thrice_as_one_and_the_same_money(self):
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

	def test_the_message_is_named_by_razorpays_event_id(self):
		"""P5. x-razorpay-event-id is the same on every retry."""
		self.pay()
		delivery = self.simulator.webhooks.take("razorpay")[0]
		twice = [self.gateway.receive(Callback("webhook", "POST", delivery.headers, {}, delivery.body))] * 2
		self.assertEqual({n.event_key for n in twice}, {delivery.headers["x-razorpay-event-id"]})

	def test_without_a_usable_event_id_the_body_names_the_message(self):
		"""R11: two different events must not share a name."""
		keys = set()
		for event_id, amount in (("", 1), ("x" * 141, 1), ("a b", 1), ("", 2)):
			keys.add(self.gateway.receive(webhook(event_body(amount=amount), event_id=event_id)).event_key)
		self.assertEqual(len(keys), 2)
		self.assertTrue(all(len(key) <= 140 for key in keys))

	def test_a_failed_try_is_pending_and_the_same_payment_may_be_captured_later(self):
		"""razorpay.com/docs/webhooks/payments: payment.failed, then payment.captured, for UPI retries."""
		self.pay(outcome="failure")
		(failed,) = self.notices()
		self.simulator.finish("razorpay", self.reference)
		captured = self.notices()[1]
		self.assertEqual((failed.events[0].outcome, failed.event_type), (Outcome.PENDING, "payment.failed"))
		self.assertIn("declined", failed.events[0].reason)
		self.assertEqual(captured.events[0].outcome, Outcome.PAID)
		self.assertEqual(captured.payment_id, failed.payment_id)

	def test_the_flag_captured_is_not_believed(self):
		"""Razorpay's own samples of failed and authorised card payments carry captured: true."""
		for status, outcome in (("failed", Outcome.PENDING), ("authorized", Outcome.AUTHORIZED)):
			body = event_body("payment.failed", status=status, captured=True)
			self.assertEqual(self.gateway.receive(webhook(body)).events[0].outcome, outcome)

	def test_an_unknown_word_is_never_money(self):
		for status in ("settled", "", None, 1, ["captured"], {"captured": True}):
			notice = self.gateway.receive(webhook(event_body(status=status)))
			self.assertEqual((notice.events[0].outcome, notice.confirm), (Outcome.PENDING, True))

	def test_a_reason_is_one_readable_line(self):
		body = event_body(status="failed", error_description="asha@simbank\nsaid no\ud800", amount=True)
		(event,) = self.gateway.receive(webhook(body)).events
		self.assertEqual((event.reason, event.amount), ("… said no", None))

	def test_another_amount_is_told_as_it_is(self):
		self.open_checkout()
		self.fault("webhook", "wrong_amount", amount_minor=100)
		self.simulator.pay("razorpay", self.reference)
		self.assertEqual(str(self.notices()[1].events[0].amount), "1.00")

	def test_the_payer_stays_unnamed(self):
		for method in ("card", "upi"):
			self.pay(method=method)
			told = repr(self.notices())
			for personal in ("asha", "+91", "@example", "Test"):
				self.assertNotIn(personal, told)

	def test_refunds_are_told_with_our_key_their_order_and_their_time(self):
		self.simulator.configure("razorpay", refund_status="pending")
		payment, event = self.pay()
		self.gateway.refund(self.make_refund(payment, event))
		self.simulator.finish_refund("razorpay", "RF0001", "failure")
		created, failed = self.notices()[-2:]
		self.assertEqual([n.event_type for n in (created, failed)], ["refund.created", "refund.failed"])
		outcomes = [n.events[0].outcome for n in (created, failed)]
		self.assertEqual(outcomes, [RefundOutcome.PROCESSING, RefundOutcome.FAILED])
		told = failed.events[0]
		self.assertEqual((told.key, told.payment_id), ("RF0001", event.payment_id))
		self.assertEqual((told.reference, told.order_id), (self.reference, payment.order_id))
		self.assertEqual(told.occurred_at.tzinfo, timezone.utc)

	def test_a_refund_made_in_the_dashboard_is_told_without_our_key(self):
		_, event = self.pay()
		self.gateway.client.payment.refund(event.payment_id, {"amount": 100})
		told = self.notices()[-1].events[0]
		self.assertEqual((told.key, told.payment_id, str(told.amount)), (None, event.payment_id, "1.00"))

	def test_disputes_are_told_as_open_won_or_lost(self):
		self.pay()
		self.simulator.webhooks.clear()
		for state in ("open", "won", "lost"):
			self.simulator.dispute("razorpay", self.reference, state)
		told = [notice.events[0] for notice in self.notices()]
		self.assertEqual([dispute.state for dispute in told], ["open", "won", "lost"])
		self.assertEqual({dispute.reference for dispute in told}, {self.reference})

	def test_a_dispute_that_was_closed_at_our_cost_is_lost(self):
		for deducted, state in ((0, "won"), (100, "lost")):
			dispute = {"id": "disp_1", "payment_id": "pay_1", "status": "closed", "amount_deducted": deducted}
			body = {"event": "payment.dispute.closed", "payload": {"dispute": {"entity": dispute}}}
			notice = self.gateway.receive(webhook(json.dumps(body).encode()))
			self.assertEqual(notice.events[0].state, state)

	def test_events_that_mean_nothing_to_us_are_named_and_empty(self):
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


class TestFuzz(unittest.TestCase):
	def setUp(self):
		self.gateway = Razorpay(
			secrets=Razorpay.simulator_secrets, mode="Test", http=None, tokens=None, base_url=None
		)

	def receive(self, callback: Callback) -> None:
		try:
			notice = self.gateway.receive(callback)
		except (SignatureError, MalformedNotice):
			return
		self.assertIsInstance(notice, Notice)
		self.assertLessEqual(len(notice.event_key or ""), 140)
		for told in (notice, *notice.events):
			for value in vars(told).values():
				str(value).encode()  # a lone surrogate would break every database

	@given(st.binary(max_size=300), st.booleans())
	@settings(max_examples=150, deadline=None)
	def test_no_bytes_do_more_than_be_refused(self, body, signed):
		self.receive(webhook(body, sign(body) if signed else "x"))

	@given(NAMES, ENTITY, ENTITY, JSON)
	@settings(max_examples=300, deadline=None)
	def test_no_signed_json_does_more_than_be_refused(self, name, entity, other, created_at):
		payload = {part: {"entity": entity} for part in ("refund", "dispute", "order")}
		payload["payment"] = {"entity": other}
		body = json.dumps({"event": name, "payload": payload, "created_at": created_at}).encode()
		self.receive(webhook(body))

	@given(st.dictionaries(st.sampled_from(["order", "payment", "x"]), st.text()), st.text(), st.text())
	@settings(max_examples=150, deadline=None)
	def test_no_return_does_more_than_be_refused(self, ids, signature, attempt):
		form = {f"razorpay_{name}_id": value for name, value in ids.items()}
		form["razorpay_signature"] = signature
		self.receive(Callback("return", "POST", {}, {"attempt": attempt}, b"", form))


if __name__ == "__main__":
	unittest.main()
