"""Which certificates are fetched, and which are trusted."""

import unittest
from datetime import datetime, timezone

from oropendola_payments.gateways.base import Callback
from oropendola_payments.gateways.errors import NotSent, SignatureError
from oropendola_payments.gateways.paypal import certificates
from oropendola_payments.gateways.paypal.signature import accepted_roots
from oropendola_payments.gateways.paypal.test_case import PAYPAL_CERTIFICATE, PayPalCase
from oropendola_payments.simulator.providers.paypal import certificates as authority


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
			gateway, network = self.without_network(mode)
			for url in wrong:
				headers = {**self.provider.signed_headers(b"{}"), "PAYPAL-CERT-URL": url}
				with self.subTest(url, mode=mode), self.assertRaises(SignatureError):
					gateway.receive(Callback("webhook", "POST", headers, {}, b"{}"))
			self.assertEqual(network.urls, [])

	def test_without_the_certificate_paypal_checks_the_signature_itself(self):
		"""With PayPal out of reach its sender cannot be checked now: 503, so that PayPal tries again."""
		gateway, network = self.without_network("Live")
		headers = {**self.provider.signed_headers(b"{}"), "PAYPAL-CERT-URL": PAYPAL_CERTIFICATE}
		with self.assertRaises(NotSent):
			gateway.receive(Callback("webhook", "POST", headers, {}, b"{}"))
		self.assertEqual(network.urls, [PAYPAL_CERTIFICATE, "https://api-m.paypal.com/v1/oauth2/token"])

	def test_live_mode_does_not_accept_the_sandbox(self):
		sandbox = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1"
		self.assertFalse(certificates.is_paypal_address(sandbox, "Live"))
		self.assertTrue(certificates.is_paypal_address(sandbox, "Test"))

	def test_the_address_of_the_simulator_is_accepted_in_simulator_mode_only(self):
		headers = self.provider.signed_headers(b"{}")
		for mode in ("Live", "Test"):
			gateway, network = self.without_network(mode)
			gateway.base_url = f"{self.simulator.url}/paypal"  # as an api_base_url in Test mode
			with self.subTest(mode), self.assertRaises(SignatureError):
				gateway.receive(Callback("webhook", "POST", headers, {}, b"{}"))
			self.assertEqual(network.urls, [])

	def test_simulator_mode_fetches_from_the_simulator_only(self):
		base = f"{self.simulator.url}/paypal"
		for url in (PAYPAL_CERTIFICATE, base + "@example.com/x", base + "evil/x", self.simulator.url + "/x"):
			self.assertFalse(certificates.is_below(url, base), url)
		self.assertFalse(certificates.is_below("/x", None))

	def test_a_certificate_is_trusted_only_with_valid_date_name_and_root(self):
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

	def test_the_public_roots_do_not_vouch_for_the_simulator(self):
		"""The made-up root of the simulator never weakens Test or Live."""
		roots = list(certificates.public_roots())
		self.assertGreater(len(roots), 50)
		with self.assertRaises(certificates.UnusableCertificate):
			certificates.trusted_key([authority.signer().certificate], roots, datetime.now(timezone.utc))
		for mode in ("Live", "Test"):
			gateway = self.make_gateway(mode)
			gateway.base_url = f"{self.simulator.url}/paypal"
			self.assertEqual(accepted_roots(gateway), roots)

	def test_an_unreadable_certificate_is_unusable(self):
		"""PayPal-Python-SDK issue 130: the address once answered something that is not PEM."""
		for pem in (
			b"",
			b"<html>",
			b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
			b"x" * 200_000,
		):
			with self.assertRaises(certificates.UnusableCertificate):
				certificates.read_certificates(pem)


if __name__ == "__main__":
	unittest.main()
