"""The headers of PhonePe's webhooks, by worked examples, forgeries and rotation."""

import base64
import hashlib
import hmac
import json
import unittest
from decimal import Decimal

from oropendola_payments.gateways.errors import SignatureError
from oropendola_payments.gateways.phonepe.payloads import order_body
from oropendola_payments.gateways.phonepe.test_case import (
	HMAC_KEY,
	NEW,
	SALT,
	WITH_HMAC,
	PhonePeCase,
	webhook,
)


class TestShaHeader(PhonePeCase):
	def test_the_header_of_the_worked_example_is_accepted(self):
		secrets = {**NEW, "webhook_id": "hookuser_01", "webhook_secret": "Demo2pass99"}
		header = "2b5de5c84ad6b434f10fa232583e8527d341b24234f7887d044f533ae24b7b6d"
		body = b'{"event":"checkout.order.completed","payload":{"merchantOrderId":"PAYREQ-0007"}}'
		notice = self.gateway_with(secrets).receive(webhook(body, Authorization=header))
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

	def test_standard_checkout_neither_sends_a_callback_address_nor_accepts_a_checksum(self):
		"""phonepe.md pitfall 6: v2 has no callback URL in the request, and no X-VERIFY on its webhooks."""
		order = order_body(self.request("WH9"))
		self.assertNotIn("hook", json.dumps(order))
		packed = base64.b64encode(b'{"data":{"merchantId":"SIMMERCHANT"}}').decode()
		checksum = hashlib.sha256((packed + SALT).encode()).hexdigest() + "###1"
		body = json.dumps({"response": packed}).encode()
		with self.assertRaises(SignatureError):
			self.gateway.receive(webhook(body, X_VERIFY=checksum))

	def test_a_header_that_is_not_ascii_is_refused(self):
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
					self.gateway_with(secrets).receive(call)

	def test_both_passwords_are_accepted_during_a_rotation(self):
		secrets = {**NEW, "webhook_secret": "Newpass2026", "webhook_secret_previous": "Simhook2pass"}
		for password in ("Newpass2026", "Simhook2pass"):
			header = hashlib.sha256(f"simhook_user:{password}".encode()).hexdigest()
			self.assertFalse(
				self.gateway_with(secrets).receive(webhook(b'{"event":"x"}', Authorization=header)).verified
			)


class TestHmacHeader(PhonePeCase):
	secrets = WITH_HMAC

	def setUp(self):
		super().setUp()
		self.configure(webhook_hmac_key=HMAC_KEY)

	def test_the_worked_example_is_accepted(self):
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

	def test_a_wrong_signature_is_refused(self):
		self.fault("webhook", "wrong_signature")
		self.paid("HM4")
		with self.assertRaises(SignatureError):
			self.last_notice()


if __name__ == "__main__":
	unittest.main()
