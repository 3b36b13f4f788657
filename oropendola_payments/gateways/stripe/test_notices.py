"""What Stripe's events and the customer's return say, and what is only a reason for a status query."""

import itertools
import unittest
from dataclasses import replace

import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways.base import Callback, Notice, Outcome, RefundOutcome
from oropendola_payments.gateways.errors import MalformedNotice, SignatureError
from oropendola_payments.gateways.stripe.test_case import (
	NOW,
	SECRET,
	AtNow,
	StripeCase,
	event_body,
	webhook,
)
from oropendola_payments.tests.support.proofs import examples


class TestEvents(StripeCase):
	def test_signatures_of_the_simulator_are_accepted_by_the_official_sdk_and_by_us(self):
		self.pay()
		for delivery in self.simulator.webhooks.take("stripe"):
			header = delivery.headers["Stripe-Signature"]
			event = stripe.Webhook.construct_event(delivery.body, header, SECRET)
			notice = self.gateway.receive(webhook(delivery.body, header))
			self.assertEqual((notice.event_key, notice.event_type), (event.id, event.type))

	def test_a_broken_signature_of_the_simulator_is_refused(self):
		self.fault("webhook", "wrong_signature")
		self.pay(outcome="failure")
		with self.assertRaises(SignatureError):
			self.notices()

	def test_session_and_payment_events_report_the_same_money_in_any_order(self):
		"""P16. payment_intent.succeeded often comes first, and without the session's id."""
		payment, event = self.pay()
		intent, session = self.notices()
		self.assertEqual(intent.event_type, "payment_intent.succeeded")
		self.assertEqual(session.event_type, "checkout.session.completed")
		for notice in (session, intent):
			(reported,) = notice.events
			self.assertEqual((reported.outcome, reported.payment_id), (Outcome.PAID, event.payment_id))
			self.assertEqual((reported.amount, reported.currency), (payment.amount, "INR"))
			self.assertEqual(
				(notice.reference, notice.verified, notice.confirm), (self.reference, True, False)
			)
		self.assertEqual((session.order_id, intent.order_id), (payment.order_id, None))

	def test_a_completed_session_is_paid_only_when_it_says_so(self):
		"""stripe.md pitfall 1: delayed methods complete unpaid."""
		self.pay(method="us_bank_account", outcome="pending")
		reported = {notice.event_type: notice.events[0] for notice in self.notices()}
		self.assertEqual(set(reported), {"payment_intent.processing", "checkout.session.completed"})
		self.assertEqual({event.outcome for event in reported.values()}, {Outcome.PENDING})
		self.simulator.finish("stripe", self.reference, "success")
		reported = {notice.event_type: notice.events[0].outcome for notice in self.notices()}
		self.assertEqual(
			reported,
			{
				"payment_intent.succeeded": Outcome.PAID,
				"checkout.session.async_payment_succeeded": Outcome.PAID,
			},
		)

	def test_only_the_payment_says_that_money_is_in_transit(self):
		"""A completed session names its payment by id, so it may be a debit or a voucher that nobody has paid."""
		self.pay(method="us_bank_account", outcome="pending")
		intent, session = self.notices()
		self.assertEqual((intent.event_type, intent.confirm), ("payment_intent.processing", False))
		self.assertTrue(intent.events[0].in_transit)
		self.assertTrue(session.confirm)
		self.assertFalse(session.events[0].in_transit)

	def test_a_voucher_is_only_a_reason_for_a_status_query(self):
		self.pay(method="konbini", outcome="pending")
		action, session = self.notices()
		self.assertEqual((action.event_type, action.events), ("payment_intent.requires_action", ()))
		self.assertEqual((session.event_type, session.confirm), ("checkout.session.completed", True))
		self.assertEqual((session.reference, session.events[0].in_transit), (self.reference, False))
		for outcome in ("failure", "success"):
			self.simulator.finish("stripe", self.reference, outcome)
			self.assertFalse(any(notice.confirm for notice in self.notices()), outcome)

	def test_a_delayed_payment_that_fails_is_failed(self):
		self.pay(method="us_bank_account", outcome="pending")
		self.notices()
		self.simulator.finish("stripe", self.reference, "failure")
		reported = {notice.event_type: notice.events[0] for notice in self.notices()}
		self.assertEqual(reported["checkout.session.async_payment_failed"].outcome, Outcome.FAILED)
		self.assertEqual(reported["payment_intent.payment_failed"].outcome, Outcome.PENDING)
		self.assertFalse(any(event.in_transit for event in reported.values()))

	def test_a_decline_is_pending_with_its_reason(self):
		self.pay(outcome="failure")
		(notice,) = self.notices()
		self.assertEqual(notice.event_type, "payment_intent.payment_failed")
		(event,) = notice.events
		self.assertEqual((event.outcome, event.error_code), (Outcome.PENDING, "generic_decline"))

	def test_an_expired_session_is_reported(self):
		payment = self.open()
		self.gateway.cancel(payment)
		(notice,) = self.notices()
		self.assertEqual((notice.events[0].outcome, notice.order_id), (Outcome.EXPIRED, payment.order_id))

	def test_the_amount_of_the_event_is_reported_unchanged(self):
		self.open()
		self.fault("webhook", "wrong_amount", amount_minor=100)
		self.simulator.pay("stripe", self.reference)
		self.assertEqual({str(notice.events[0].amount) for notice in self.notices()}, {"1.00"})

	def test_refund_events_carry_our_key(self):
		payment, event = self.pay()
		self.notices()
		self.gateway.refund(self.make_refund(payment, event))
		created, charge = self.notices()
		(refund,) = created.events
		self.assertEqual((refund.outcome, refund.key), (RefundOutcome.REFUNDED, "RF0001"))
		self.assertEqual((refund.payment_id, refund.reference), (event.payment_id, self.reference))
		# Stripe says: use refund.created; a charge's sum of refunds does not tell which one.
		self.assertEqual((charge.event_type, charge.events, charge.confirm), ("charge.refunded", (), True))
		self.assertEqual(charge.payment_id, event.payment_id)

	def test_a_refund_that_fails_days_later_is_the_newest_event_in_any_order(self):
		"""docs.stripe.com/refunds: refund.failed after succeeded; deliveries overtake each other."""
		payment, event = self.pay()
		self.gateway.refund(self.make_refund(payment, event))
		self.later(days=3)
		self.simulator.finish_refund("stripe", "RF0001", "failure")
		# Each was delivered in its time; here they are only read late.
		self.gateway.now = lambda: NOW
		reported = [
			event for notice in self.notices() for event in notice.events if hasattr(event, "refund_id")
		]
		for order in itertools.permutations(reported):
			newest = max(order, key=lambda event: event.occurred_at)
			self.assertEqual(newest.outcome, RefundOutcome.FAILED)
		self.assertEqual(len(reported), 3)

	def test_a_refund_from_the_dashboard_has_no_key_of_ours(self):
		_, event = self.pay()
		self.notices()
		self.gateway.client.sdk.v1.refunds.create({"payment_intent": event.payment_id, "amount": 100})
		refund = self.notices()[0].events[0]
		self.assertEqual(
			(refund.key, refund.payment_id, str(refund.amount)), (None, event.payment_id, "1.00")
		)

	def test_disputes_are_open_won_or_lost(self):
		_, event = self.pay()
		self.notices()
		for state in ("open", "won", "lost"):
			self.simulator.dispute("stripe", self.reference, state)
		disputes = [notice.events[0] for notice in self.notices()]
		self.assertEqual([dispute.state for dispute in disputes], ["open", "won", "lost"])
		self.assertEqual({dispute.payment_id for dispute in disputes}, {event.payment_id})
		self.assertEqual({str(dispute.amount) for dispute in disputes}, {"1499.50"})

	def test_every_final_state_of_a_dispute_is_won_or_lost(self):
		"""https://docs.stripe.com/api/disputes/object: `prevented` and `warning_closed` cost nothing."""
		ends = {"won": "won", "prevented": "won", "warning_closed": "won", "lost": "lost"}
		for word in (*ends, "needs_response", "under_review", "warning_needs_response", "new_word"):
			dispute = {
				"id": "du_1",
				"payment_intent": "pi_1",
				"amount": 100,
				"currency": "inr",
				"status": word,
			}
			(event,) = self.gateway.parse(webhook(event_body("charge.dispute.closed", entity=dispute))).events
			self.assertEqual(event.state, ends.get(word, "open"), word)

	def test_notices_contain_no_payer_data(self):
		self.pay()
		self.assertNotIn("asha", repr(self.notices()).lower())

	def test_a_repeated_delivery_has_the_same_key(self):
		self.fault("webhook", "duplicate_webhook")
		self.pay(outcome="failure")
		first, second = self.notices()
		self.assertEqual(first, second)


class TestReading(AtNow):
	def test_payments_of_another_shop_on_the_same_account_are_ignored(self):
		for name, entity in (
			(
				"checkout.session.completed",
				{"id": "cs_test_1", "status": "complete", "payment_status": "unpaid"},
			),
			("payment_intent.payment_failed", {"id": "pi_1", "status": "requires_payment_method"}),
		):
			notice = self.gateway.receive(webhook(event_body(name, entity)))
			self.assertEqual((notice.events, notice.verified, notice.event_type), ((), True, name))
			self.assertFalse(notice.confirm, "nobody is asked about it")

	def test_events_of_other_kinds_are_named_and_empty(self):
		for name in ("customer.created", "payment_intent.requires_action", "charge.succeeded"):
			notice = self.gateway.receive(webhook(event_body(name)))
			self.assertEqual((notice.events, notice.event_type, notice.event_key), ((), name, "evt_1"))

	def test_an_event_of_the_other_mode_is_refused(self):
		"""A live event at a test gateway, or the reverse, is malformed: never money."""
		for mode, livemode in (
			("Test", True),
			("Live", False),
			("Simulator", True),
			("Test", None),
			("Test", 0),
		):
			gateway = self.make_gateway(mode)
			with self.subTest(mode, livemode=livemode), self.assertRaisesRegex(MalformedNotice, mode):
				gateway.receive(webhook(event_body(livemode=livemode)))
		self.assertTrue(self.make_gateway("Live").receive(webhook(event_body(livemode=True))).verified)

	def test_a_very_long_event_id_is_shortened_without_two_becoming_one(self):
		"""R11."""
		keys = [self.gateway.receive(webhook(event_body(id="evt_" + "x" * n))).event_key for n in (200, 201)]
		self.assertEqual((len(set(keys)), max(map(len, keys))), (2, 64))

	def test_a_canceled_payment_is_cancelled(self):
		entity = {"id": "pi_1", "status": "canceled", "metadata": {"payment_attempt": "ST1"}}
		(event,) = self.gateway.receive(webhook(event_body("payment_intent.canceled", entity))).events
		self.assertEqual(event.outcome, Outcome.CANCELLED)

	def test_the_received_amount_of_a_payment_event_counts(self):
		"""Stripe: `amount` is what was requested, `amount_received` what was paid."""
		entity = {
			"id": "pi_1",
			"status": "succeeded",
			"amount": 500,
			"amount_received": 100,
			"currency": "inr",
			"metadata": {"payment_attempt": "ST1"},
		}
		(event,) = self.gateway.receive(webhook(event_body("payment_intent.succeeded", entity))).events
		self.assertEqual(str(event.amount), "1.00")

	def test_signed_nonsense_is_malformed(self):
		paid = {
			"id": "cs_test_1",
			"client_reference_id": "ST1",
			"status": "complete",
			"payment_status": "paid",
		}
		odd = (b"", b"[]", b"null", b"\xff", b"{}", b'{"object":"event"}', b"[" * 9999)
		reported = (
			event_body(id=None),
			event_body(id="a b"),
			event_body(type=None),
			event_body(object="v2.core.event"),
			event_body(data=None),
			event_body(entity=paid),
			event_body(entity={**paid, "amount_total": 100, "currency": "inr"}),
			event_body("refund.failed", entity=[]),
			event_body("charge.dispute.closed", entity="du_1"),
		)
		for body in (*odd, *reported):
			with self.subTest(body[:60]), self.assertRaises(MalformedNotice):
				self.gateway.receive(webhook(body))

	def test_the_return_is_an_unsigned_notice(self):
		"""Nothing in it is signed, and anybody who has the link can repeat it."""
		query = {"gateway": "stripe", "attempt": "ST000001", "session_id": "cs_test_1"}
		notice = self.gateway.receive(Callback("return", "GET", {}, query))
		self.assertEqual((notice.verified, notice.events, notice.event_key), (False, (), None))
		self.assertEqual((notice.reference, notice.order_id), ("ST000001", "cs_test_1"))
		odd = replace(Callback("return", "GET", {}, query), query={"attempt": "'--", "session_id": "a/b"})
		self.assertEqual(self.gateway.receive(odd), Notice(event_type="return"))


JSON = st.recursive(
	st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.just("complete"),
	lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
	max_leaves=8,
)
INTENT = st.dictionaries(
	st.sampled_from(["id", "status", "amount_received", "currency", "last_payment_error", "latest_charge"]),
	JSON,
)
FIELDS = ("id", "status", "amount_total", "amount", "currency", "metadata", "charge", "reason")
KNOWN = {
	"client_reference_id": st.just("ST1"),
	"payment_intent": INTENT | JSON,
	"payment_status": st.just("paid"),
}
ENTITY = st.builds(
	lambda known, other: {**known, **other},
	st.fixed_dictionaries(KNOWN),
	st.dictionaries(st.sampled_from(FIELDS), JSON),
)
NAMES = st.sampled_from(
	["checkout.session.completed", "payment_intent.succeeded", "refund.failed", "charge.dispute.closed"]
)


class TestFuzz(AtNow):
	@given(st.binary(max_size=300), st.text(st.characters()) | st.none())
	@settings(max_examples=examples(150), deadline=None)
	def test_any_bytes_are_read_or_refused(self, body, header):
		self.receive_any(webhook(body, header))

	@given(NAMES | st.text(st.characters()), ENTITY | JSON, JSON)
	@settings(max_examples=examples(300), deadline=None)
	def test_any_signed_json_is_read_or_refused(self, name, entity, created):
		self.receive_any(webhook(event_body(name, entity, created=created)))

	@given(st.dictionaries(st.sampled_from(["attempt", "session_id"]), st.text(st.characters())))
	@settings(max_examples=examples(100), deadline=None)
	def test_any_return_is_an_unsigned_notice(self, query):
		self.receive_any(Callback("return", "GET", {}, query))


if __name__ == "__main__":
	unittest.main()
