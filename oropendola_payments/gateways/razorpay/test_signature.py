"""Razorpay's signatures: our check against its SDK and its worked examples."""

import json
import unittest

import razorpay

from oropendola_payments.gateways.base import Callback, Outcome
from oropendola_payments.gateways.errors import SignatureError
from oropendola_payments.gateways.razorpay.adapter import Razorpay
from oropendola_payments.gateways.razorpay.test_case import (
	SECRET,
	RazorpayCase,
	event_body,
	returned,
	sign,
	webhook,
)


class TestSignatures(RazorpayCase):
	def test_the_worked_example_of_a_webhook_is_accepted(self):
		"""A made-up message of 146 bytes under a made-up secret."""
		body = (
			b'{"entity":"event","event":"payment.captured","payload":{"payment":{"entity":'
			b'{"id":"pay_Demo0000000001","amount":149950}}},"created_at":1767225600}'
		)
		signature = "c6b57873daea80f199551892993fcbeda0170518260cce312f9ccfa70284b11e"
		self.gateway = self.make_gateway(webhook_secret="whsec-demo-2026")
		notice = self.gateway.receive(webhook(body, signature))
		self.assertEqual((len(body), notice.payment_id), (146, "pay_Demo0000000001"))
		# It says "captured" but neither in which currency nor as a status, so a status query has to confirm it.
		self.assertEqual((notice.events[0].outcome, notice.confirm), (Outcome.PENDING, True))

	def test_the_worked_example_of_a_return_is_accepted(self):
		"""A made-up order and payment under a made-up Key Secret."""
		self.gateway = self.make_gateway(key_secret="DemoKeySecret_7f3a")
		signature = "0c486619e375377b0debf64e0d73325fb7eeaf712bf8630d4fb43a9396e6f14c"
		notice = self.gateway.receive(returned("order_Demo0000000001", "pay_Demo0000000001", signature))
		self.assertEqual((notice.verified, notice.order_id), (True, "order_Demo0000000001"))

	def test_signatures_of_the_simulator_are_accepted_by_the_official_sdk_and_by_us(self):
		self.open()
		back = self.simulator.pay("razorpay", self.reference)
		official = razorpay.Client(auth=("", Razorpay.simulator_secrets["key_secret"])).utility
		self.assertTrue(official.verify_payment_signature(dict(back.fields)))
		self.assertTrue(self.gateway.receive(Callback("return", "POST", {}, {}, b"", back.fields)).verified)
		for delivery in self.simulator.webhooks.take("razorpay"):
			signature = delivery.headers["X-Razorpay-Signature"]
			self.assertTrue(official.verify_webhook_signature(delivery.body.decode(), signature, SECRET))
			self.assertTrue(self.gateway.receive(webhook(delivery.body, signature)).verified)

	def test_signatures_that_the_official_sdk_refuses_are_refused(self):
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
		self.configure(webhook_secret="")
		self.pay()
		for delivery in self.simulator.webhooks.take("razorpay"):
			self.assertNotIn("X-Razorpay-Signature", delivery.headers)
			with self.assertRaises(SignatureError):
				self.gateway.receive(Callback("webhook", "POST", delivery.headers, {}, delivery.body))

	def test_an_empty_secret_verifies_nothing(self):
		"""S6: anyone can sign with an empty key."""
		body = event_body()
		gateway = self.make_gateway(webhook_secret="", key_secret="")
		with self.assertRaises(SignatureError):
			gateway.receive(webhook(body, sign(body, "")))
		with self.assertRaises(SignatureError):
			gateway.receive(returned("order_1", "pay_1", sign(b"order_1|pay_1", "")))

	def test_both_secrets_are_accepted_during_a_rotation(self):
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

	def test_a_signature_that_is_not_ascii_is_refused(self):
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


if __name__ == "__main__":
	unittest.main()
