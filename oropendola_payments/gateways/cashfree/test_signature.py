"""Cashfree's signatures, by a worked example, forgeries and rotation."""

import base64
import hashlib
import hmac
import unittest
from datetime import datetime, timedelta, timezone

from Crypto.PublicKey import RSA

from oropendola_payments.gateways.base import Callback
from oropendola_payments.gateways.cashfree.adapter import Cashfree
from oropendola_payments.gateways.cashfree.test_case import CashfreeCase
from oropendola_payments.gateways.errors import CredentialsRefused, SignatureError

# A made-up message and its signature.
SECRET = "cfsk_ma_test_demo_0123456789"
TIMESTAMP = "1735689600000"
BODY = (
	b'{"data":{"order":{"order_id":"PAYREQ-0007","order_amount":1499.00,"order_currency":"INR"},'
	b'"payment":{"cf_payment_id":"1453002795","payment_status":"SUCCESS","payment_amount":1499.00}},'
	b'"event_time":"2025-01-01T05:30:00+05:30","type":"PAYMENT_SUCCESS_WEBHOOK"}'
)
SIGNATURE = "RVnTPyS5IIW/bIfcW8qGmRCgMXhHrRxFzoX6JJrg5gc="
SENT = datetime(2025, 1, 1, tzinfo=timezone.utc)


class TestSignatureOfWebhooks(CashfreeCase):
	def at(self, now=SENT, **secrets) -> Cashfree:
		"""An adapter with the secret of the example, at this time."""
		gateway = self.make_gateway(**{"key_secret": SECRET, **secrets})
		gateway.now = lambda: now
		return gateway

	def call(self, signature=SIGNATURE, timestamp=TIMESTAMP, body=BODY) -> Callback:
		headers = {"X-Webhook-Timestamp": timestamp, "X-Webhook-Signature": signature}
		return Callback("webhook", "POST", headers, {}, body)

	def test_the_worked_example_is_accepted(self):
		self.assertEqual(self.at().receive(self.call()).reference, "PAYREQ-0007")

	def test_other_formulas_are_refused(self):
		"""cashfree.md pitfall 2: with a dot between, parsed and written again, hexadecimal, under another secret."""
		mac = hmac.new(SECRET.encode(), TIMESTAMP.encode() + BODY, hashlib.sha256)
		dotted = "ZdCWilqGktIBnMTboiA8lk99GzFpgItOykc6ikokLQ4="
		rewritten = "6CPj+BpYfUYbQJo+zVbzsAbqLjbd3i3b9Tcho26R9Xc="
		for wrong in ("", dotted, rewritten, mac.hexdigest(), SIGNATURE[:-1], SIGNATURE + "="):
			with self.subTest(wrong), self.assertRaises(SignatureError):
				self.at().receive(self.call(wrong))

	def test_one_changed_byte_is_refused(self):
		"""S4: and with the raw body, not a parsed one."""
		for body in (BODY.replace(b"1499.00", b"1499.0"), BODY + b" ", BODY.replace(b"SUCCESS", b"FAILED")):
			with self.assertRaises(SignatureError):
				self.at().receive(self.call(body=body))

	def test_another_timestamp_is_refused(self):
		for timestamp in ("1735689600001", "", "-1", "1735689600000 ", "9" * 15, "\u0661" * 13):
			with self.subTest(timestamp), self.assertRaises(SignatureError):
				self.at().receive(self.call(timestamp=timestamp))

	def test_a_signature_that_is_not_ascii_is_refused(self):
		"""S23."""
		for wrong in ("é" * 44, "\ud800"):
			with self.assertRaises(SignatureError):
				self.at().receive(self.call(wrong))

	def test_messages_older_than_a_day_are_refused(self):
		"""Retries come after 2, 10 and 30 minutes by default, and up to ten of them can be configured."""
		for hours in (0, 1, 23):
			self.assertTrue(self.at(SENT + timedelta(hours=hours)).receive(self.call()).verified)
		for hours in (25, -1):
			with self.assertRaises(SignatureError):
				self.at(SENT + timedelta(hours=hours)).receive(self.call())

	def test_both_secrets_are_accepted_during_a_rotation(self):
		gateway = self.at(key_secret="cfsk_ma_test_new", webhook_secret_previous=SECRET)
		self.assertTrue(gateway.receive(self.call()).verified)
		with self.assertRaises(SignatureError):
			self.at(key_secret="cfsk_ma_test_new").receive(self.call())

	def test_without_a_secret_everything_is_refused(self):
		"""S6."""
		empty = base64.b64encode(hmac.new(b"", TIMESTAMP.encode() + BODY, hashlib.sha256).digest()).decode()
		with self.assertRaises(SignatureError):
			self.at(key_secret="").receive(self.call(empty))


class TestTwoFactorSignature(CashfreeCase):
	def test_two_factor_signature_is_sealed_for_cashfree(self):
		"""RSA-OAEP over `client id.seconds`, as Cashfree documents it for its other products."""
		key = RSA.generate(2048)
		self.configure(private_key=key.export_key().decode())
		with self.assertRaises(CredentialsRefused):
			self.gateway.test_connection()
		pem = key.public_key().export_key().decode()
		for text in (pem, pem.replace("\n", " "), pem.replace("\n", "\\n")):
			self.assertEqual(Cashfree.credential_problems({"public_key": text}, "Test"), [])
			self.assertIn("accepts", self.make_gateway(public_key=text).test_connection())
		late = self.make_gateway(public_key=pem)
		late.now = lambda: datetime.now(timezone.utc) - timedelta(minutes=10)
		with self.assertRaises(CredentialsRefused):
			late.test_connection()


if __name__ == "__main__":
	unittest.main()
