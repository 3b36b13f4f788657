"""Who signed a PayPal webhook: by certificate, or by PayPal's own check."""

import json
import unittest
import zlib
from dataclasses import replace

from Crypto.Hash import SHA256

from oropendola_payments.gateways.errors import NotSent, SignatureError
from oropendola_payments.gateways.paypal.signature import Transmission
from oropendola_payments.gateways.paypal.test_case import PAYPAL_CERTIFICATE, PayPalCase


class TestSignatures(PayPalCase):
	def test_the_signed_message_is_the_one_of_the_worked_example(self):
		"""CRC32 as an unsigned decimal, joined by bars."""
		body = (
			b'{"id":"WH-DEMO-1","event_type":"PAYMENT.CAPTURE.COMPLETED",'
			b'"resource":{"id":"8XY00000AB000000C"}}'
		)
		self.assertEqual((len(body), zlib.crc32(body)), (97, 1579685867))
		sent = Transmission(
			"a1b2c3d4-0000-11f0-9999-0123456789ab", "2026-01-01T00:00:00Z", "", PAYPAL_CERTIFICATE, ""
		)
		message = sent.signed_message("5AB00000CD000000E", body)
		self.assertEqual(
			SHA256.new(message).hexdigest(),
			"48a9bd01fd8976d5303b72bc7bc5e7cdb9aed03c3201feef8da4341ac899c7ad",
		)

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
		"""paypal.md pitfalls 2 and 9: the dashboard's simulator signs for the webhook id WEBHOOK_ID, another environment for its own."""
		self.fault("webhook", "wrong_signature")
		self.approved()
		with self.assertRaises(SignatureError):
			self.next_notice()
		with self.assertRaises(SignatureError):
			self.make_gateway(webhook_id="0XX00000CD000000E").receive(self.signed(b"{}"))
		self.configure(webhook_id="WEBHOOK_ID")
		mock = self.signed(b'{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED"}')
		with self.assertRaises(SignatureError):
			self.gateway.receive(mock)

	def test_without_a_webhook_id_every_webhook_is_refused(self):
		"""S6: an empty secret refuses."""
		self.configure(webhook_id="")
		with self.assertRaisesRegex(SignatureError, "Webhook ID"):
			self.make_gateway(webhook_id="").receive(self.signed(b"{}"))

	def test_every_header_is_needed_and_checked(self):
		"""S23: text that is not ASCII is a refusal, not a crash."""
		callback = self.signed(b'{"id":"WH-1","event_type":"X"}')
		for name in [n for n in callback.headers if n.startswith("PAYPAL") and "VERSION" not in n]:
			for value in ("", "é" * 20, "A" * 5000, "a\nb"):
				with self.subTest(name, value=value[:5]), self.assertRaises(SignatureError):
					self.gateway.receive(replace(callback, headers={**callback.headers, name: value}))

	def test_the_key_is_fetched_once_and_kept(self):
		self.gateway.receive(self.signed(b'{"id":"WH-1","event_type":"X"}'))
		self.fault("certificate", "error_500_before")
		self.gateway.receive(self.signed(b'{"id":"WH-2","event_type":"X"}'))
		self.assertEqual(len(self.simulator.faults.waiting()), 1)


class TestCheckByPayPal(PayPalCase):
	"""PayPal checks its own signature, over the very bytes that came in."""

	BODY = b'{ "id":"WH-1",\n "event_type" : "X" , "resource":{"n":1.10,"t":"\xc3\xa9"}}'

	def setUp(self):
		super().setUp()
		self.configure(certificate_exists=False)

	def test_paypal_checks_the_signature_when_the_certificate_cannot_be_fetched(self):
		"""paypal.md pitfall 1: the raw body is spliced in; parsed and dumped again it would be FAILURE."""
		self.assertEqual(self.gateway.receive(self.signed(self.BODY)).event_key, "WH-1")

	def test_paypal_checks_the_signature_when_the_certificate_cannot_be_trusted(self):
		self.configure(certificate="foreign", certificate_exists=True)
		self.assertEqual(self.gateway.receive(self.signed(self.BODY)).event_key, "WH-1")

	def test_a_message_that_paypal_does_not_know_is_refused(self):
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
		self.configure(webhook_id="0XX00000CD000000E")
		callback = self.signed(own)
		with self.assertRaisesRegex(SignatureError, "not JSON"):
			self.gateway.receive(callback)

	def test_a_check_without_an_answer_makes_paypal_deliver_again(self):
		for call, kind in (
			("verify_webhook", "timeout_before"),
			("verify_webhook", "garbage"),
			("token", "garbage"),
		):
			with self.subTest(call, kind=kind), self.assertRaises(NotSent):
				self.gateway.client.forget_token()
				self.fault(call, kind)
				self.gateway.receive(self.signed(self.BODY))

	def test_a_check_with_wrong_keys_makes_paypal_deliver_again(self):
		with self.assertRaises(NotSent):
			self.make_gateway(key_id="wrong").receive(self.signed(self.BODY))


if __name__ == "__main__":
	unittest.main()
