"""Stripe's signature: our check against its SDK and its worked example."""

import json
import unittest
from pathlib import Path

import stripe

import oropendola_payments
from oropendola_payments.gateways.base import Outcome
from oropendola_payments.gateways.errors import SignatureError
from oropendola_payments.gateways.stripe.client import API_VERSION
from oropendola_payments.gateways.stripe.test_case import NOW, SECRET, AtNow, event_body, sign, webhook


class TestSignatures(AtNow):
	def test_the_worked_example_is_accepted(self):
		"""A made-up event of 72 bytes under a made-up secret; it lacks its mode, so it is only verified."""
		body = b'{"id":"evt_demo_1","object":"event","type":"checkout.session.completed"}'
		header = "t=1767225600,v1=af49b294a73a1afdc6061eb378f12bf57f97c90eafe58507fa5dbea6e4a2ef02"
		gateway = self.make_gateway(webhook_secret="whsec_demo_c2VjcmV0")
		gateway.verify(webhook(body, header))
		self.assertEqual(len(body), 72)
		with self.assertRaises(SignatureError):
			gateway.verify(webhook(body, header.replace("v1=a", "v1=b")))

	def test_signatures_of_the_official_sdk_are_accepted(self):
		body = event_body()
		header = stripe.WebhookSignature.generate_signature_header(
			body.decode(), SECRET, int(NOW.timestamp())
		)
		self.assertTrue(self.gateway.receive(webhook(body, header)).verified)

	def test_signatures_that_the_official_sdk_refuses_are_refused(self):
		"""stripe.md pitfall 3: a body that was parsed before the check, the secret of another endpoint."""
		body = event_body()
		good = sign(body)
		digest = good.partition("v1=")[2]
		other_secret = SECRET.removeprefix("whsec_")
		for header in (
			"",
			"t=1",
			f"v1={digest}",
			f"t=,v1={digest}",
			f"t=now,v1={digest}",
			good.replace("v1=", "v0="),
			good.replace("v1=", "v1= "),
			sign(body, other_secret),
			sign(json.dumps(json.loads(body), indent=1).encode()),
			f"t=1767225601,v1={digest}",
			good.upper().replace("T=", "t=").replace("V1", "v1"),
		):
			with self.subTest(header):
				with self.assertRaises(stripe.SignatureVerificationError):
					stripe.WebhookSignature.verify_header(body, header, SECRET)
				with self.assertRaises(SignatureError):
					self.gateway.receive(webhook(body, header))

	def test_an_event_of_another_version_is_read_by_its_fields(self):
		"""stripe.md pitfall 7: events come in the endpoint's version, not in ours, so the page says to choose ours there."""
		paid = {"id": "cs_1", "client_reference_id": "ST1", "status": "complete", "payment_status": "paid"}
		paid |= {
			"payment_intent": "pi_1",
			"amount_total": 100,
			"currency": "inr",
			"payment_method_types": ["card"],
		}
		for version in (API_VERSION, "2020-08-27", None):
			body = event_body(entity=paid, api_version=version)
			(event,) = self.gateway.receive(webhook(body, sign(body))).events
			self.assertEqual((event.outcome, event.reference), (Outcome.PAID, "ST1"))
		page = Path(oropendola_payments.__file__).parents[1] / "docs" / "gateways" / "stripe.md"
		if page.exists():  # an installed app has no docs beside it
			self.assertIn(f"the API version `{API_VERSION}`", page.read_text())

	def test_any_of_several_signatures_is_enough_while_a_secret_is_rotated(self):
		"""Stripe signs with both secrets for a while, in one header."""
		body = event_body()
		time, _, digest = sign(body).partition(",v1=")
		header = f"{time},v1={'0' * 64},v0=decoy,v1={digest}"
		self.assertTrue(stripe.WebhookSignature.verify_header(body, header, SECRET))
		self.assertTrue(self.gateway.receive(webhook(body, header)).verified)

	def test_both_secrets_are_accepted_during_a_rotation(self):
		gateway = self.make_gateway(webhook_secret="whsec_new", webhook_secret_previous="whsec_old")
		body = event_body()
		for secret in ("whsec_new", "whsec_old"):
			self.assertTrue(gateway.receive(webhook(body, sign(body, secret))).verified)
		with self.assertRaises(SignatureError):
			gateway.receive(webhook(body, sign(body, "whsec_older")))

	def test_an_old_signature_is_refused_and_a_future_one_is_not(self):
		"""Tolerance 300 seconds; like the SDK, only into the past."""
		body, now = event_body(), int(NOW.timestamp())
		for shift in (-300, 0, 299, 86400):
			self.assertTrue(self.gateway.receive(webhook(body, sign(body, time=now + shift))).verified)
		for shift in (-301, -86400):
			with self.subTest(shift), self.assertRaisesRegex(SignatureError, "too old"):
				self.gateway.receive(webhook(body, sign(body, time=now + shift)))

	def test_an_empty_secret_verifies_nothing(self):
		"""S6: anyone can sign with an empty key."""
		body = event_body()
		with self.assertRaises(SignatureError):
			self.make_gateway(webhook_secret="").receive(webhook(body, sign(body, "")))

	def test_a_header_that_is_not_ascii_is_refused(self):
		"""S23: compare_digest raises on such text, in Stripe's SDK too."""
		for header in (f"t={'١' * 10},v1=00", "t=1767225600,v1=é", "t=1767225600,v1=\ud800", "é" * 9999):
			with self.subTest(ascii(header[:30])), self.assertRaises(SignatureError):
				self.gateway.receive(webhook(event_body(), header))


if __name__ == "__main__":
	unittest.main()
