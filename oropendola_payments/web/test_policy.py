"""The security policy and the other headers of the pages."""

import re

from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.http import API, send
from oropendola_payments.tests.support.pages import page, policy_of
from oropendola_payments.tests.support.simulated import simulator


class TestPolicy(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.simulator = simulator()
		cls.user = factories.create_user()

	def pay_page(self, gateway: str, flow: str | None = None):
		factories.enable_gateway(gateway)
		currency = "USD" if gateway == "stripe" else "INR"
		invoice = factories.create_invoice(self.user, currency=currency)
		attempt = checkout.initiate(self.user, invoice.name, gateway, flow)["attempt"]
		return page(f"/pay?attempt={attempt}", self.user)

	def test_our_pages_load_nothing_from_other_hosts(self):
		for path in ("/plans", "/payment-result?attempt=X"):
			policy = policy_of(page(path))
			self.assertEqual(policy["default-src"], "'none'")
			self.assertEqual(policy["style-src"], "'self'")
			self.assertEqual(policy["form-action"], "'self'")
			self.assertEqual(policy["frame-ancestors"], "'self'")
			self.assertRegex(policy["script-src"], r"^'nonce-[\w-]{20,}'$")

	def test_every_script_has_the_nonce_of_this_answer(self):
		first, second = page("/plans"), page("/plans")
		nonces = re.findall(r'<script [^>]*nonce="([^"]+)"', first.text)
		self.assertEqual(len(nonces), first.text.count("<script"))
		self.assertEqual({f"'nonce-{nonce}'" for nonce in nonces}, {policy_of(first)["script-src"]})
		self.assertNotEqual(policy_of(first)["script-src"], policy_of(second)["script-src"])

	def test_pages_are_not_cached(self):
		self.assertEqual(page("/plans").headers["Cache-Control"], "no-store")

	def test_other_answers_keep_their_headers(self):
		self.assertNotIn("Content-Security-Policy", send("GET", f"{API}health.status").headers)

	def test_the_referrer_policy_sends_our_origin_to_gateways(self):
		"""phonepe.md pitfall 9: a `no-referrer` policy breaks its pay page, and only our server calls its API."""
		answer = self.pay_page("phonepe")
		self.assertEqual(answer.headers["Referrer-Policy"], "strict-origin-when-cross-origin")
		self.assertNotRegex(answer.text, 'rel="[^"]*noreferrer|name="referrer"')
		self.assertEqual(policy_of(answer)["connect-src"], "'self'")

	def test_the_policy_allows_forms_to_the_gateway(self):
		policy = policy_of(self.pay_page("payu"))
		self.assertIn(self.simulator.url, policy["form-action"])
		self.assertNotIn("https", policy["script-src"])

	def test_the_policy_allows_only_the_hosts_of_the_embedded_gateway(self):
		for gateway, host in (
			("stripe", "https://js.stripe.com"),
			("razorpay", "https://checkout.razorpay.com"),
		):
			policy = policy_of(self.pay_page(gateway, "embedded"))
			self.assertIn(host, policy["script-src"])
			self.assertNotIn("unsafe", policy["script-src"])
			self.assertNotIn("https: ", policy["script-src"] + " ")
