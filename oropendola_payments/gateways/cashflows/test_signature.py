"""Cashflows' request hash by its worked examples, and the shared secret of our own for webhooks."""

import hashlib
import hmac
import json
import unittest
from dataclasses import replace

import requests

from oropendola_payments.gateways.cashflows.adapter import Cashflows
from oropendola_payments.gateways.cashflows.signature import request_hash
from oropendola_payments.gateways.cashflows.test_case import CashflowsCase
from oropendola_payments.gateways.errors import SignatureError

DEMO_KEY = "DEMO-API-KEY-0001"
DEMO_BODY = b'{"amountToCollect":"10.00","currency":"GBP","order":{"orderNumber":"PAYREQ-0007"}}'
DEMO_HASH = (
	"47BC90310DAD7F252195BBE0B5821F43678DD2AE087022CC3839A2C0F5FE9143"
	"7490BF6EE43C7259FAC35C3060FD064E682152D5BA5CCAC65F410AD97C9BAB43"
)
DEMO_HASH_WITHOUT_BODY = (
	"BE252CA207F3701D85145D7EC2FCC467F7D0D12A8BCBCDFB64D9AE5D8773B042"
	"EC3056653324B9A195E69DB2A046017A0086492CDFD24481A54378D13EEF12AB"
)


class TestRequestHash(CashflowsCase):
	def test_the_worked_examples_are_reproduced(self):
		"""Upper-case hex SHA-512 of API key and body, the key first; without a body the key alone."""
		self.assertEqual(len(DEMO_BODY), 82)
		self.assertEqual(request_hash(DEMO_KEY, DEMO_BODY), DEMO_HASH)
		self.assertEqual(request_hash(DEMO_KEY, b""), DEMO_HASH_WITHOUT_BODY)

	def test_other_formulas_are_refused(self):
		"""cashflows.md pitfall 1: body before key, HMAC-SHA256 and a hash of another serialisation."""
		key = Cashflows.simulator_secrets["key_secret"].encode()
		wrong = {
			"reversed": hashlib.sha512(DEMO_BODY + key).hexdigest(),
			"hmac": hmac.new(key, key + DEMO_BODY, hashlib.sha256).hexdigest(),
			"hmac-sha512": hmac.new(key, DEMO_BODY, hashlib.sha512).hexdigest(),
			"sha256": hashlib.sha256(key + DEMO_BODY).hexdigest(),
			"other bytes": hashlib.sha512(key + json.dumps(json.loads(DEMO_BODY)).encode()).hexdigest(),
		}
		self.assertTrue(
			hashlib.sha512(DEMO_BODY + DEMO_KEY.encode()).hexdigest().startswith("64770f5828e288d2")
		)
		for name, value in wrong.items():
			self.provider.wrong_hashes = 0
			with self.subTest(name):
				self.assertEqual(self.post(value.upper()).status_code, 401)
		self.provider.wrong_hashes = 0
		right = hashlib.sha512(key + DEMO_BODY).hexdigest().upper()
		self.assertEqual(self.post(right).status_code, 400)  # signed well; it lacks the return addresses

	def post(self, value):
		headers = {"ConfigurationId": "210101010101010101", "Hash": value, "Content-Type": "application/json"}
		url = f"{self.simulator.url}/cashflows/api/gateway/payment-jobs"
		return requests.post(url, data=DEMO_BODY, headers=headers, timeout=5)

	def test_the_bytes_that_were_hashed_are_the_bytes_that_are_sent(self):
		"""cashflows.md pitfall 1: serialise once."""
		self.open(description="Größe – 中文 \u20ac")
		sent = self.network.sent[-1]
		key = Cashflows.simulator_secrets["key_secret"].encode()
		self.assertEqual(sent.headers["Hash"], hashlib.sha512(key + sent.body).hexdigest().upper())


class TestOwnSecret(CashflowsCase):
	def test_a_shared_secret_of_our_own_is_checked_when_set(self):
		"""S6, S23: both secrets during a rotation; anything else, and text that is not ASCII, is refused."""
		self.configure(webhook_secret="proxy-secret-made-up")
		self.paid()
		callback = self.webhook(self.simulator.webhooks.pop())
		new = self.make_gateway(webhook_secret="new-made-up", webhook_secret_previous="proxy-secret-made-up")
		self.assertFalse(new.receive(callback).verified)
		right = callback.header("X-Signature")
		gateway = self.make_gateway(webhook_secret="proxy-secret-made-up")
		self.assertTrue(gateway.receive(replace(callback, headers={"x-signature": right.upper()})).reply)
		for value in ("", "0" * 64, right[:-1], right + "0", "é", "\udc80", "x" * 10**5):
			with self.subTest(ascii(value[:5])), self.assertRaises(SignatureError):
				gateway.receive(replace(callback, headers={"X-Signature": value}))
		with self.assertRaises(SignatureError):
			gateway.receive(replace(callback, body=callback.body + b" "))
		with self.assertRaises(SignatureError):
			self.make_gateway(webhook_secret="another").receive(callback)


if __name__ == "__main__":
	unittest.main()
