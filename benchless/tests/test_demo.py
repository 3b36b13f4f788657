"""The demo as a newcomer meets it: the addresses it prints, in a browser."""

import re
import subprocess
import sys
import tempfile
import unittest

import frappe
from frappe.utils.password import get_decrypted_password

from benchless import ROOT, demo, site
from benchless.tests.throwaway import ThrowawaySite
from oropendola_payments.tests.browser.chromium import Chromium

START = "import sys; from benchless import use_host; use_host(); from benchless.demo import run; from pathlib import Path; "
START += "sys.exit(run(Path(sys.argv[1]), 0, False))"


class TestDemo(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		cls.chromium = Chromium()
		cls.addClassCleanup(cls.chromium.close)
		folder = tempfile.TemporaryDirectory()
		cls.addClassCleanup(folder.cleanup)
		command = [sys.executable, "-c", START, f"{folder.name}/demo"]
		cls.demo = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
		cls.addClassCleanup(cls.demo.wait, 60)
		cls.addClassCleanup(cls.demo.stdout.close)
		cls.addClassCleanup(cls.demo.terminate)
		told = "".join(iter(cls.demo.stdout.readline, "End the demo with Ctrl-C.\n"))
		cls.plans, cls.simulator = re.findall(r"http://\S+", told)
		cls.passwords = dict(re.findall(r"^  (\S+) +(\S+)$", told, re.MULTILINE))

	def page_of(self, user: str):
		"""As the README says: open the address, choose Starter, log in."""
		context = self.chromium.context()
		self.addCleanup(context.close)
		page = context.new_page()
		page.goto(self.plans)
		page.get_by_role("link", name="Choose Starter").click()
		page.locator("#login_email").fill(user)
		page.locator("#login_password").fill(self.passwords[user])
		page.locator(".btn-login").click()
		page.get_by_role("button", name=re.compile("Starter")).click()
		return page

	def pay(self, page, gateway: str, button: str):
		page.locator(f"input[name=gateway][value={gateway}]").check()
		page.get_by_role("button", name=re.compile("^Pay ")).click()
		page.wait_for_url(f"{self.simulator}/**")
		page.get_by_role("button", name=button).first.click()
		if button == "Pay":
			page.locator("input[name=otp]").fill("123456")
			page.get_by_role("button", name="Confirm").click()

	def test_customer_is_declined_and_then_pays(self):
		page = self.page_of("customer@example.com")
		self.pay(page, "payu", "Decline")
		page.locator("[data-view=failed]").wait_for()
		page.get_by_role("link", name="Try again").click()
		self.pay(page, "razorpay", "Decline")
		page.locator("[data-view=declined]").wait_for()
		page.get_by_role("link", name="Choose another way to pay").click()
		self.pay(page, "payu", "Pay")
		page.locator("[data-view=paid]").wait_for()

	def test_log_in_is_kept_by_who_types_the_number_instead_of_the_name(self):
		page = self.page_of("manager@example.com")
		page.goto(self.plans.replace("localhost", "127.0.0.1"))
		page.get_by_role("button", name="Log out").wait_for()

	def test_the_home_page_redirects_to_the_plans(self):
		context = self.chromium.context()
		self.addCleanup(context.close)
		page = context.new_page()
		page.goto(self.plans.removesuffix("/plans"))
		page.get_by_role("heading", name="Choose your plan").wait_for()


class TestDemoRecords(ThrowawaySite):
	def setUp(self):
		super().setUp()
		site.install_app("oropendola_payments")
		frappe.conf.allow_payment_simulator = 1
		demo.add_records(dict.fromkeys(demo.USERS, "a-test-pass-phrase-1"))

	def test_the_demo_offers_no_sign_up(self):
		self.assertTrue(frappe.get_website_settings("disable_signup"))

	def test_the_printed_api_key_and_secret_are_those_of_the_customer_at_every_start(self):
		printed = demo.api_token(demo.CUSTOMER)
		self.assertEqual(demo.api_token(demo.CUSTOMER), printed)
		stored = frappe.db.get_value("User", demo.CUSTOMER, "api_key")
		secret = get_decrypted_password("User", demo.CUSTOMER, "api_secret")
		self.assertEqual(printed, f"{stored}:{secret}")
