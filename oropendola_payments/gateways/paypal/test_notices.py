"""What PayPal's webhooks and the customer's return say."""

import json
import unittest
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways.base import Callback, DisputeEvent, Outcome, RefundOutcome
from oropendola_payments.gateways.errors import MalformedNotice, SignatureError
from oropendola_payments.gateways.paypal.notices import (
	APPROVAL_REVERSED,
	CAPTURE_EVENTS,
	CAPTURE_REVERSED,
	ORDER_EVENTS,
	REFUND_EVENTS,
)
from oropendola_payments.gateways.paypal.test_case import PayPalCase
from oropendola_payments.tests.support.proofs import examples

EVENTS = sorted({*ORDER_EVENTS, *CAPTURE_EVENTS, *REFUND_EVENTS, CAPTURE_REVERSED, APPROVAL_REVERSED})


class TestReturn(PayPalCase):
	def test_the_return_is_an_unsigned_notice(self):
		"""S4, S5: nothing is signed on the way back, and no money has moved."""
		self.open()
		back = self.simulator.pay("paypal", self.reference)
		query = {name: values[0] for name, values in parse_qs(urlsplit(back.url).query).items()}
		notice = self.gateway.receive(Callback("return", "GET", {}, query))
		self.assertEqual((notice.verified, notice.events), (False, ()))
		self.assertEqual(notice.reference, self.reference)
		self.assertEqual(notice.order_id, self.simulator.order("paypal", self.reference).order_id)

	def test_a_malformed_order_id_in_a_return_is_ignored(self):
		notice = self.gateway.receive(Callback("return", "GET", {}, {"token": "../../x"}))
		self.assertEqual((notice.reference, notice.order_id), (None, None))


class TestWebhooks(PayPalCase):
	def test_an_approval_is_authorized(self):
		"""CHECKOUT.ORDER.APPROVED is the second chance to capture, not money."""
		payment = self.approved()
		notice = self.next_notice()
		self.assertEqual(notice.event_type, "CHECKOUT.ORDER.APPROVED")
		self.assertEqual((notice.verified, notice.confirm), (True, True))
		self.assertEqual(self.only(notice.events).outcome, Outcome.AUTHORIZED)
		self.assertEqual((notice.reference, notice.order_id), (self.reference, payment.order_id))

	def test_a_capture_is_paid_and_must_be_confirmed(self):
		"""Only a CRC32 covers the body, so it is read again before money is booked."""
		payment = self.approved()
		self.gateway.capture(payment, self.status(payment), "k")
		notice = self.gateway.receive(self.webhook(self.simulator.webhooks.pop(-1)))
		event = self.only(notice.events)
		self.assertTrue(notice.confirm)
		self.assertEqual(
			(event.outcome, event.amount, event.currency), (Outcome.PAID, Decimal("499.50"), "USD")
		)
		self.assertEqual((event.reference, event.order_id), (self.reference, payment.order_id))
		self.assertRegex(notice.event_key, "^WH-")

	def test_refunds_and_reversals_are_reported(self):
		payment, event = self.captured()
		self.gateway.refund(self.make_refund(payment, event))
		self.simulator.dispute("paypal", self.reference, "lost")
		refund, dispute = (self.only(notice.events) for notice in self.notices())
		self.assertEqual((refund.outcome, refund.key), (RefundOutcome.REFUNDED, "RF0001"))
		self.assertEqual(refund.payment_id, event.payment_id)
		self.assertIsInstance(dispute, DisputeEvent)
		self.assertEqual((dispute.state, dispute.payment_id), ("lost", event.payment_id))

	def test_a_pending_capture_is_pending_and_a_denied_one_failed(self):
		payment = self.approved(outcome="pending")
		self.gateway.capture(payment, self.status(payment), "k")
		self.simulator.finish("paypal", self.reference, "failure")
		notices = self.notices()[1:]
		self.assertEqual(
			[n.event_type for n in notices], ["PAYMENT.CAPTURE.PENDING", "PAYMENT.CAPTURE.DENIED"]
		)
		self.assertEqual([n.events[0].outcome for n in notices], [Outcome.PENDING, Outcome.FAILED])

	def test_both_names_of_a_refused_capture_are_failed(self):
		"""DENIED and DECLINED both occur."""
		payment = self.approved(outcome="pending")
		self.gateway.capture(payment, self.status(payment), "k")
		charge = self.provider.ledger.charges[-1]
		self.provider.ledger.set_charge_state(charge, "failed")
		self.simulator.webhooks.clear()
		for name in ("DENIED", "DECLINED"):
			self.provider.send_event(
				f"PAYMENT.CAPTURE.{name}", "capture", self.provider.capture_object(charge)
			)
			notice = self.next_notice()
			self.assertEqual(self.only(notice.events).outcome, Outcome.FAILED, name)
			self.assertEqual((notice.reference, notice.payment_id), (self.reference, charge.payment_id))

	def test_a_completed_order_reports_its_captures(self):
		"""CHECKOUT.ORDER.COMPLETED, look at its captures."""
		_payment, event = self.captured()
		order = self.provider.ledger.find_order_by_reference(self.reference)
		self.provider.send_event(
			"CHECKOUT.ORDER.COMPLETED", "checkout-order", self.provider.order_object(order)
		)
		notice = self.next_notice()
		completed = self.only(notice.events)
		self.assertEqual((completed.outcome, completed.payment_id), (Outcome.PAID, event.payment_id))
		self.assertTrue(notice.verified and notice.confirm)

	def test_an_approval_that_was_not_used_in_time_is_failed(self):
		body = json.dumps(
			{
				"id": "WH-1",
				"event_type": "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
				"resource": {"order_id": "5O1", "purchase_units": [{"custom_id": "REF1"}]},
			}
		).encode()
		event = self.only(self.gateway.receive(self.signed(body)).events)
		self.assertEqual((event.outcome, event.order_id, event.reference), (Outcome.FAILED, "5O1", "REF1"))

	def test_an_unknown_event_is_named_and_empty(self):
		self.captured()
		self.simulator.dispute("paypal", self.reference, "open")
		notice = self.next_notice()
		self.assertEqual((notice.events, notice.event_type), ((), "CUSTOMER.DISPUTE.CREATED"))
		self.assertTrue(notice.event_key)

	def test_signed_nonsense_is_malformed(self):
		for body in (b"", b"[]", b"{", b"\xff", b"{}", b'{"id":"WH-1"}', b'{"id":7,"event_type":"X"}'):
			with self.subTest(body), self.assertRaises(MalformedNotice):
				self.gateway.receive(self.signed(body))

	def test_money_without_an_amount_is_malformed(self):
		resource = {"id": "8X", "status": "COMPLETED", "amount": {"value": 12.5, "currency_code": "USD"}}
		body = json.dumps({"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": resource})
		with self.assertRaises(MalformedNotice):
			self.gateway.receive(self.signed(body.encode()))


def json_values():
	leaves = (
		st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("COMPLETED")
	)
	return st.recursive(
		leaves,
		lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
		max_leaves=12,
	)


def resources():
	names = ("id", "status", "amount", "purchase_units", "links", "custom_id", "update_time", "event_type")
	some = {name: json_values() | st.just("8XY00000AB000000C") for name in names}
	return st.fixed_dictionaries({}, optional=some) | json_values()


class TestFuzz(PayPalCase):
	TEXT = st.text(max_size=40) | st.text("\udc80\n\x00|é", max_size=10)

	@settings(max_examples=examples(150), deadline=None)
	@given(body=st.binary(max_size=200), values=st.lists(TEXT, min_size=5, max_size=5), kind=st.booleans())
	def test_any_unsigned_bytes_are_refused(self, body, values, kind):
		names = ("TRANSMISSION-ID", "TRANSMISSION-TIME", "TRANSMISSION-SIG", "CERT-URL", "AUTH-ALGO")
		headers = {f"PAYPAL-{name}": value for name, value in zip(names, values, strict=True)}
		with self.assertRaises(SignatureError):
			self.gateway.receive(Callback("webhook", "POST", headers, {}, body))
		returned = Callback("return", "GET", headers, {"attempt": values[0], "token": values[1]}, body)
		self.assertEqual(self.gateway.receive(returned).events, ())

	@settings(max_examples=examples(200), deadline=None)
	@given(st.sampled_from(EVENTS) | json_values(), resources(), json_values() | st.just("WH-1"))
	def test_any_signed_json_is_read_or_refused(self, event_type, resource, event_id):
		message = {"id": event_id, "event_type": event_type, "resource": resource}
		self.receive_any(self.signed(json.dumps(message).encode()))


if __name__ == "__main__":
	unittest.main()
