"""Who signed a PayPal webhook, and what it says. Facts: https://developer.paypal.com/api/rest/webhooks/rest/"""

import json
import unittest
import zlib
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from Crypto.Hash import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.gateways.base import Callback, DisputeEvent, Outcome, RefundOutcome
from oropendola_payments.gateways.errors import MalformedNotice, NotSent, SignatureError
from oropendola_payments.gateways.paypal import certificates
from oropendola_payments.gateways.paypal.adapter import CAPTURE_EVENTS, ORDER_EVENTS, REFUND_EVENTS
from oropendola_payments.gateways.paypal.test_case import PayPalCase
from oropendola_payments.simulator.providers.paypal import certificates as authority

PAYPAL_CERTIFICATE = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42"
HEARD = sorted(
	{*ORDER_EVENTS, *CAPTURE_EVENTS, *REFUND_EVENTS}
	| {"PAYMENT.CAPTURE.REVERSED", "CHECKOUT.PAYMENT-APPROVAL.REVERSED"}
)


class TestReturn(PayPalCase):
	def test_the_return_only_rings_the_bell(self):
		"""S4, S5: nothing is signed on the way back, and no money has moved."""
		self.opened()
		back = self.simulator.pay("paypal", self.reference)
		query = {name: values[0] for name, values in parse_qs(urlsplit(back.url).query).items()}
		notice = self.gateway.receive(Callback("return", "GET", {}, query))
		self.assertEqual((notice.verified, notice.events), (False, ()))
		self.assertEqual(notice.reference, self.reference)
		self.assertEqual(notice.order_id, self.simulator.order("paypal", self.reference).order_id)

	def test_a_return_with_nonsense_says_nothing(self):
		notice = self.gateway.receive(Callback("return", "GET", {}, {"token": "../../x"}))
		self.assertEqual((notice.reference, notice.order_id), (None, None))


class TestWebhooks(PayPalCase):
	def test_the_worked_example_of_the_facts(self):
		"""Facts, Webhooks B: CRC32 as an unsigned decimal, joined by bars."""
		body = (
			b'{"id":"WH-DEMO-1","event_type":"PAYMENT.CAPTURE.COMPLETED",'
			b'"resource":{"id":"8XY00000AB000000C"}}'
		)
		self.assertEqual((len(body), zlib.crc32(body)), (97, 1579685867))
		sent = certificates.Transmission(
			"a1b2c3d4-0000-11f0-9999-0123456789ab", "2026-01-01T00:00:00Z", "", PAYPAL_CERTIFICATE, ""
		)
		message = sent.signed_message("5AB00000CD000000E", body)
		self.assertEqual(
			SHA256.new(message).hexdigest(),
			"48a9bd01fd8976d5303b72bc7bc5e7cdb9aed03c3201feef8da4341ac899c7ad",
		)

	def test_an_approval_is_heard_as_authorized(self):
		"""Facts, Return and capture: CHECKOUT.ORDER.APPROVED is the second chance to capture, not money."""
		payment = self.approved()
		notice = self.gateway.receive(self.webhook(self.simulator.webhooks.pop()))
		self.assertEqual(notice.event_type, "CHECKOUT.ORDER.APPROVED")
		self.assertEqual((notice.verified, notice.confirm), (True, True))
		self.assertEqual(self.only(notice.events).outcome, Outcome.AUTHORIZED)
		self.assertEqual((notice.reference, notice.order_id), (self.reference, payment.order_id))

	def test_a_capture_is_heard_as_paid_and_must_be_confirmed(self):
		"""Facts, Webhooks B: only a CRC32 covers the body, so it is read again before money is booked."""
		payment = self.approved()
		self.gateway.capture(payment, self.only(self.gateway.status(payment)), "k")
		notice = self.gateway.receive(self.webhook(self.simulator.webhooks.pop(-1)))
		event = self.only(notice.events)
		self.assertTrue(notice.confirm)
		self.assertEqual(
			(event.outcome, event.amount, event.currency), (Outcome.PAID, Decimal("499.50"), "USD")
		)
		self.assertEqual((event.reference, event.order_id), (self.reference, payment.order_id))
		self.assertRegex(notice.event_key, "^WH-")

	def test_refunds_and_reversals_are_heard(self):
		payment, event = self.captured()
		self.gateway.refund(self.refund_request(payment, event))
		self.simulator.dispute("paypal", self.reference, "lost")
		heard = [
			self.only(self.gateway.receive(self.webhook(d)).events) for d in self.simulator.webhooks.take()
		]
		self.assertEqual((heard[0].outcome, heard[0].key), (RefundOutcome.REFUNDED, "RF0001"))
		self.assertEqual(heard[0].payment_id, event.payment_id)
		self.assertIsInstance(heard[1], DisputeEvent)
		self.assertEqual((heard[1].state, heard[1].payment_id), ("lost", event.payment_id))

	def test_a_pending_and_a_denied_capture_are_no_money(self):
		payment = self.approved(outcome="pending")
		self.gateway.capture(payment, self.only(self.gateway.status(payment)), "k")
		self.simulator.finish("paypal", self.reference, "failure")
		heard = [self.gateway.receive(self.webhook(d)) for d in self.simulator.webhooks.take()[1:]]
		self.assertEqual([n.event_type for n in heard], ["PAYMENT.CAPTURE.PENDING", "PAYMENT.CAPTURE.DENIED"])
		self.assertEqual([n.events[0].outcome for n in heard], [Outcome.PENDING, Outcome.FAILED])

	def test_both_names_of_a_refused_capture_are_heard(self):
		"""Facts, Webhooks: DENIED and DECLINED both occur."""
		payment = self.approved(outcome="pending")
		self.gateway.capture(payment, self.only(self.gateway.status(payment)), "k")
		charge = self.provider.ledger.charges[-1]
		self.provider.ledger.set_charge_state(charge, "failed")
		self.simulator.webhooks.clear()
		for name in ("DENIED", "DECLINED"):
			self.provider.send_event(
				f"PAYMENT.CAPTURE.{name}", "capture", self.provider.capture_object(charge)
			)
			notice = self.gateway.receive(self.webhook(self.simulator.webhooks.pop()))
			self.assertEqual(self.only(notice.events).outcome, Outcome.FAILED, name)
			self.assertEqual((notice.reference, notice.payment_id), (self.reference, charge.payment_id))

	def test_a_completed_order_tells_its_captures(self):
		"""Facts, Webhooks: CHECKOUT.ORDER.COMPLETED, look at its captures."""
		_payment, event = self.captured()
		order = self.provider.ledger.find_order_by_reference(self.reference)
		self.provider.send_event(
			"CHECKOUT.ORDER.COMPLETED", "checkout-order", self.provider.order_object(order)
		)
		notice = self.gateway.receive(self.webhook(self.simulator.webhooks.pop()))
		told = self.only(notice.events)
		self.assertEqual((told.outcome, told.payment_id), (Outcome.PAID, event.payment_id))
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

	def test_an_unknown_event_is_known_by_name_and_does_nothing(self):
		self.captured()
		self.simulator.dispute("paypal", self.reference, "open")
		notice = self.gateway.receive(self.webhook(self.simulator.webhooks.pop()))
		self.assertEqual((notice.events, notice.event_type), ((), "CUSTOMER.DISPUTE.CREATED"))
		self.assertTrue(notice.event_key)

	def test_one_changed_byte_breaks_the_signature(self):
		"""S4, S7."""
		self.approved()
		callback = self.webhook(self.simulator.webhooks.pop())
		with self.assertRaises(SignatureError):
			self.gateway.receive(replace(callback, body=callback.body.replace(b"499.50", b"999.50")))
		self.gateway.receive(callback)

	def test_a_reserialised_body_breaks_the_signature(self):
		"""paypal.md pitfall 1: the raw bytes count, not their meaning."""
		self.approved()
		callback = self.webhook(self.simulator.webhooks.pop())
		again = json.dumps(json.loads(callback.body)).encode()
		with self.assertRaises(SignatureError):
			self.gateway.receive(replace(callback, body=again))

	def test_a_wrong_signature_or_webhook_id_is_refused(self):
		"""paypal.md pitfall 2 and 9: the dashboard's simulator signs for the webhook id WEBHOOK_ID, another environment for its own."""
		self.simulator.faults.add("paypal", "webhook", "wrong_signature")
		self.approved()
		with self.assertRaises(SignatureError):
			self.gateway.receive(self.webhook(self.simulator.webhooks.pop()))
		with self.assertRaises(SignatureError):
			self.adapter(webhook_id="0XX00000CD000000E").receive(self.signed(b"{}"))
		self.simulator.configure("paypal", webhook_id="WEBHOOK_ID")
		mock = self.signed(b'{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED"}')
		with self.assertRaises(SignatureError):
			self.gateway.receive(mock)

	def test_without_a_webhook_id_nothing_is_believed(self):
		"""S6: an empty secret refuses."""
		self.simulator.configure("paypal", webhook_id="")
		with self.assertRaisesRegex(SignatureError, "Webhook ID"):
			self.adapter(webhook_id="").receive(self.signed(b"{}"))

	def test_every_header_is_needed_and_checked(self):
		"""S23: text that is not ASCII is a refusal, not a crash."""
		callback = self.signed(b'{"id":"WH-1","event_type":"X"}')
		for name in [n for n in callback.headers if n.startswith("PAYPAL") and "VERSION" not in n]:
			for value in ("", "é" * 20, "A" * 5000, "a\nb"):
				with self.subTest(name, value=value[:5]), self.assertRaises(SignatureError):
					self.gateway.receive(replace(callback, headers={**callback.headers, name: value}))

	def test_signed_nonsense_is_malformed(self):
		for body in (b"", b"[]", b"{", b"\xff", b"{}", b'{"id":"WH-1"}', b'{"id":7,"event_type":"X"}'):
			with self.subTest(body), self.assertRaises(MalformedNotice):
				self.gateway.receive(self.signed(body))

	def test_money_without_an_amount_is_malformed(self):
		resource = {"id": "8X", "status": "COMPLETED", "amount": {"value": 12.5, "currency_code": "USD"}}
		body = json.dumps({"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": resource})
		with self.assertRaises(MalformedNotice):
			self.gateway.receive(self.signed(body.encode()))

	def test_the_key_is_fetched_once_and_kept(self):
		self.gateway.receive(self.signed(b'{"id":"WH-1","event_type":"X"}'))
		self.simulator.faults.add("paypal", "certificate", "error_500_before")
		self.gateway.receive(self.signed(b'{"id":"WH-2","event_type":"X"}'))
		self.assertEqual(len(self.simulator.faults.waiting()), 1)


class TestCertificates(PayPalCase):
	def test_only_paypals_own_https_addresses_are_fetched(self):
		"""S24: the address comes from a header that anybody can write."""
		wrong = (
			"http://api.paypal.com/v1/notifications/certs/CERT-1",
			"https://api.paypal.com.example.com/cert",
			"https://example.com/api.paypal.com",
			"https://evilpaypal.com/cert",
			"https://paypal.com@example.com/cert",
			"https://api.paypal.com@169.254.169.254/cert",
			"https://user:pw@api.paypal.com/cert",
			"https://api.paypal.com:8443/cert",
			"https://example.com\\@api.paypal.com/cert",
			"https://example.com#.paypal.com/cert",
			"https://example.com?x=.paypal.com/cert",
			"https://api.paypal.com\x00.example.com/cert",
			"https://api.paypal.com",
			"https://api.paypal.com/cert?next=https://example.com/",
			"https://api.päypal.com/cert",
			"https://169.254.169.254/latest",
			"file:///etc/passwd",
			"//api.paypal.com/cert",
			"https://api.paypal.com/" + "c" * 400,
		)
		for mode in ("Live", "Test"):
			gateway, network = self.closed_adapter(mode)
			for url in wrong:
				headers = {**self.provider.signed_headers(b"{}"), "PAYPAL-CERT-URL": url}
				with self.subTest(url, mode=mode), self.assertRaises(SignatureError):
					gateway.receive(Callback("webhook", "POST", headers, {}, b"{}"))
			self.assertEqual(network.asked, [])

	def test_the_right_address_is_fetched_and_then_paypal_is_asked(self):
		"""With PayPal out of reach its sender cannot be checked now: 503, so that PayPal tries again."""
		gateway, network = self.closed_adapter("Live")
		headers = {**self.provider.signed_headers(b"{}"), "PAYPAL-CERT-URL": PAYPAL_CERTIFICATE}
		with self.assertRaises(NotSent):
			gateway.receive(Callback("webhook", "POST", headers, {}, b"{}"))
		self.assertEqual(network.asked, [PAYPAL_CERTIFICATE, "https://api-m.paypal.com/v1/oauth2/token"])

	def test_live_does_not_believe_the_sandbox(self):
		sandbox = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1"
		self.assertFalse(certificates.is_paypal_address(sandbox, "Live"))
		self.assertTrue(certificates.is_paypal_address(sandbox, "Test"))

	def test_the_simulators_address_counts_in_simulator_mode_alone(self):
		headers = self.provider.signed_headers(b"{}")
		for mode in ("Live", "Test"):
			gateway, network = self.closed_adapter(mode)
			gateway.base_url = f"{self.simulator.url}/paypal"  # as an api_base_url in Test mode
			with self.subTest(mode), self.assertRaises(SignatureError):
				gateway.receive(Callback("webhook", "POST", headers, {}, b"{}"))
			self.assertEqual(network.asked, [])

	def test_simulator_mode_fetches_from_the_simulator_alone(self):
		base = f"{self.simulator.url}/paypal"
		for url in (PAYPAL_CERTIFICATE, base + "@example.com/x", base + "evil/x", self.simulator.url + "/x"):
			self.assertFalse(certificates.is_below(url, base), url)
		self.assertFalse(certificates.is_below("/x", None))

	def test_a_certificate_is_read_only_with_date_name_and_root_in_order(self):
		roots = certificates.read_certificates(authority.root_pem())
		now = datetime.now(timezone.utc)
		key, seconds = certificates.trusted_key([authority.signer().certificate], roots, now)
		self.assertIn("PUBLIC KEY", key)
		self.assertGreater(seconds, 290 * 86400)
		for kind in ("expired", "foreign", "other_name"):
			with self.subTest(kind), self.assertRaises(certificates.UnusableCertificate):
				certificates.trusted_key([authority.signer(kind).certificate], roots, now)
		with self.assertRaises(certificates.UnusableCertificate):  # not yet valid
			certificates.trusted_key(
				[authority.signer().certificate], roots, datetime(2001, 1, 1, tzinfo=timezone.utc)
			)

	def test_public_roots_do_not_vouch_for_the_simulator(self):
		"""The made-up root of the simulator never weakens Test or Live."""
		roots = list(certificates.public_roots())
		self.assertGreater(len(roots), 50)
		with self.assertRaises(certificates.UnusableCertificate):
			certificates.trusted_key([authority.signer().certificate], roots, datetime.now(timezone.utc))
		for mode in ("Live", "Test"):
			gateway = self.adapter(mode)
			gateway.base_url = f"{self.simulator.url}/paypal"
			self.assertEqual(gateway._roots(), roots)

	def test_an_unreadable_certificate_is_not_a_crash(self):
		"""PayPal-Python-SDK issue 130: the address once answered something that is not PEM."""
		for pem in (
			b"",
			b"<html>",
			b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
			b"x" * 200_000,
		):
			with self.assertRaises(certificates.UnusableCertificate):
				certificates.read_certificates(pem)


class TestPostback(PayPalCase):
	"""Facts, Webhooks A: PayPal checks its own signature, over the very bytes that came in."""

	BODY = b'{ "id":"WH-1",\n "event_type" : "X" , "resource":{"n":1.10,"t":"\xc3\xa9"}}'

	def setUp(self):
		super().setUp()
		self.simulator.configure("paypal", certificate_exists=False)

	def test_paypal_is_asked_when_the_certificate_cannot_be_fetched(self):
		"""paypal.md pitfall 1: the raw body is spliced in; parsed and dumped again it would be FAILURE."""
		self.assertEqual(self.gateway.receive(self.signed(self.BODY)).event_key, "WH-1")

	def test_paypal_is_asked_when_the_certificate_cannot_be_trusted(self):
		self.simulator.configure("paypal", certificate="foreign", certificate_exists=True)
		self.assertEqual(self.gateway.receive(self.signed(self.BODY)).event_key, "WH-1")

	def test_what_paypal_does_not_know_is_refused(self):
		callback = self.signed(self.BODY)
		for wrong in (
			replace(callback, body=self.BODY.replace(b"1.10", b"1.1")),
			replace(callback, headers={**callback.headers, "PAYPAL-TRANSMISSION-ID": "other"}),
		):
			with self.assertRaises(SignatureError):
				self.gateway.receive(wrong)

	def test_a_body_cannot_bring_its_own_webhook_id(self):
		"""Spliced into the question, two JSON values in one body could overwrite the fields around them."""
		own = b'{"id":"WH-1"},"webhook_id":"0XX00000CD000000E","x":{"event_type":"X"}'
		self.simulator.configure("paypal", webhook_id="0XX00000CD000000E")
		callback = self.signed(own)
		with self.assertRaisesRegex(SignatureError, "not JSON"):
			self.gateway.receive(callback)

	def test_when_paypal_cannot_be_asked_it_shall_deliver_again(self):
		for call, kind in (
			("verify_webhook", "timeout_before"),
			("verify_webhook", "garbage"),
			("token", "garbage"),
		):
			with self.subTest(call, kind=kind), self.assertRaises(NotSent):
				self.gateway._api.forget_token()
				self.simulator.faults.add("paypal", call, kind)
				self.gateway.receive(self.signed(self.BODY))

	def test_with_wrong_keys_it_shall_deliver_again(self):
		with self.assertRaises(NotSent):
			self.adapter(key_id="wrong").receive(self.signed(self.BODY))


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

	@settings(max_examples=150, deadline=None)
	@given(body=st.binary(max_size=200), values=st.lists(TEXT, min_size=5, max_size=5), kind=st.booleans())
	def test_unsigned_bytes_end_in_a_refusal(self, body, values, kind):
		names = ("TRANSMISSION-ID", "TRANSMISSION-TIME", "TRANSMISSION-SIG", "CERT-URL", "AUTH-ALGO")
		headers = {f"PAYPAL-{name}": value for name, value in zip(names, values, strict=True)}
		with self.assertRaises(SignatureError):
			self.gateway.receive(Callback("webhook", "POST", headers, {}, body))
		returned = Callback("return", "GET", headers, {"attempt": values[0], "token": values[1]}, body)
		self.assertEqual(self.gateway.receive(returned).events, ())

	@settings(max_examples=200, deadline=None)
	@given(st.sampled_from(HEARD) | json_values(), resources(), json_values() | st.just("WH-1"))
	def test_signed_json_of_any_shape_is_read_or_malformed(self, event_type, resource, event_id):
		message = {"id": event_id, "event_type": event_type, "resource": resource}
		callback = self.signed(json.dumps(message).encode())
		try:
			notice = self.gateway.receive(callback)
		except MalformedNotice:
			return
		for event in notice.events:
			if getattr(event, "outcome", None) is Outcome.PAID:
				self.assertTrue(event.payment_id and event.amount is not None and event.currency)


if __name__ == "__main__":
	unittest.main()
