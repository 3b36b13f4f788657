"""Several accounts of one gateway: one of them sells plans, and each is another merchant."""

import frappe

from oropendola_payments.ai_billing.known_gateways import adapter_class, gateway_of, is_known, suffix_of
from oropendola_payments.exceptions import BadRequest, Conflict
from oropendola_payments.tests.support.accounts import another_account
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import enable_gateway
from oropendola_payments.tests.support.live import live_site

KEYS = {"key_id": "rzp_test_Another0000001", "key_secret": "made-up-secret", "webhook_secret": "made-up-hook"}
PARTNER = {"key_id": "PARTNERCLIENT", "key_secret": "made-up-secret", "key_version": "1"}


class TestCodes(TestCase):
	def test_the_code_of_an_account_is_that_of_its_gateway_with_a_suffix(self):
		with another_account():
			self.assertEqual((gateway_of("razorpay_acme"), suffix_of("razorpay_acme")), ("razorpay", "acme"))
			self.assertIs(adapter_class("razorpay_acme"), adapter_class("razorpay"))
			self.assertTrue(is_known("razorpay_acme"))
		self.assertFalse(is_known("razorpay_acme"), "there is no such account any more")
		self.assertEqual((gateway_of("razorpay"), suffix_of("razorpay")), ("razorpay", ""))

	def test_other_codes_are_no_accounts(self):
		for code in ("razorpay_", "razorpay_A", "razorpay-acme", "razorpay_a_b", "nobody_acme", "", None):
			self.assertIsNone(gateway_of(code), code)

	def test_a_record_with_another_code_is_refused(self):
		for suffix in ("", "A", "a_b", "a-b", "x" * 21):
			with self.subTest(suffix), self.assertRaises(BadRequest), another_account(suffix=suffix):
				pass


class TestSelling(TestCase):
	def setUp(self):
		self.first = enable_gateway("razorpay", documents_only=0)
		self.addCleanup(enable_gateway, "razorpay", documents_only=0)

	def test_a_second_account_that_sells_plans_is_refused(self):
		with self.assertRaises(Conflict), another_account(documents_only=0):
			pass

	def test_accounts_for_documents_can_be_many(self):
		with another_account(), another_account(suffix="other", company="Other"):
			pass

	def test_another_account_sells_once_the_first_does_not(self):
		"""So the old account keeps its keys for refunds when a company gets a new one."""
		for left in ({"enabled": 0}, {"documents_only": 1}):
			enable_gateway("razorpay", **left)
			with another_account(documents_only=0):
				with self.assertRaises(Conflict):
					enable_gateway("razorpay", enabled=1, documents_only=0)
				frappe.db.rollback()
			enable_gateway("razorpay", enabled=1, documents_only=0)


class TestMerchants(TestCase):
	def setUp(self):
		self.enterContext(live_site())

	def test_the_same_merchant_twice_is_refused(self):
		"""S62."""
		enable_gateway("razorpay", **KEYS, mode="Test")
		self.addCleanup(enable_gateway, "razorpay", **dict.fromkeys(KEYS))
		with self.assertRaises(Conflict), another_account(**KEYS, mode="Test"):
			pass
		frappe.db.rollback()
		with another_account(**{**KEYS, "key_id": "rzp_test_Another0000002"}, mode="Test") as account:
			account.key_id = KEYS["key_id"]
			with self.assertRaises(Conflict):
				account.save()

	def test_a_partner_uses_the_same_keys_for_several_merchants(self):
		enable_gateway("phonepe", **PARTNER, account_id="MERCHANTONE", mode="Test")
		self.addCleanup(enable_gateway, "phonepe", **dict.fromkeys((*PARTNER, "account_id")))
		with another_account("phonepe", **PARTNER, account_id="MERCHANTTWO", mode="Test"):
			pass
		again = another_account("phonepe", **PARTNER, account_id="MERCHANTONE", mode="Test")
		with self.assertRaises(Conflict), again:
			pass
