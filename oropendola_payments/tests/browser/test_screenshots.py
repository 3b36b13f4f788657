"""Makes the pictures of docs/screenshots when PAYMENT_SCREENSHOTS is set; otherwise it is skipped."""

import os
import shutil
import subprocess
from pathlib import Path
from unittest import SkipTest

import frappe
from frappe.utils import add_days, today

from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.ending import at_period_end
from oropendola_payments.engine.pauses import pause
from oropendola_payments.engine.subscriptions import discounts
from oropendola_payments.tests.browser.case import GATEWAYS, PHONE, BrowserTestCase
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.customers import pay

FOLDER = Path(__file__).parents[3] / "docs" / "screenshots"
WIDE = {"viewport": {"width": 1280, "height": 800}}
LOOKS = {
	"light": {"color_scheme": "light", **WIDE},
	"dark": {"color_scheme": "dark", **WIDE},
	"phone": {"color_scheme": "light", **PHONE, "device_scale_factor": 1.5},
}
# Every state is captured in the light theme, and some in the others.
KEPT = {
	"dark": ("plans", "checkout", "billing"),
	"phone": ("plans", "checkout", "result-paid", "billing", "pay-upi", "receipt"),
}
SMALL = ("-strip", "+dither", "-colors", "128", "-define", "png:compression-level=9")
PLANS = (
	{
		"plan_id": "shot-free",
		"plan_name": "Free",
		"price": 0,
		"is_free": 1,
		"requests_limit_per_day": 20,
		"description": "For a first look.",
		"features": "All models\nCommunity help",
	},
	{
		"plan_id": "shot-starter",
		"plan_name": "Starter",
		"price": 499,
		"requests_limit_per_day": 1000,
		"description": "For a side project or a small product.",
		"features": "All models\nAnswers within a day",
		"prices": [{"currency": "USD", "price": 9}, {"currency": "EUR", "price": 8.5}],
	},
	{
		"plan_id": "shot-pro",
		"plan_name": "Pro",
		"price": 1999,
		"trial_days": 7,
		"requests_limit_per_day": 0,
		"description": "For teams that build on it every day.",
		"features": "All models\nAnswers within an hour\nUsage by key",
		"prices": [{"currency": "USD", "price": 29}, {"currency": "EUR", "price": 27}],
	},
)
SELLER = {
	"tax_rate": 18,
	"tax_label": "GST",
	"seller_name": "Oropendola AI",
	"seller_address": "12 Mango Lane\n560001 Bengaluru",
	"seller_tax_id": "29ABCDE1234F1Z5",
	"seller_email": "billing@example.com",
}


class TestScreenshots(BrowserTestCase):
	@classmethod
	def setUpClass(cls):
		if not os.environ.get("PAYMENT_SCREENSHOTS"):
			raise SkipTest("Set PAYMENT_SCREENSHOTS=1 to make the pictures of docs/screenshots anew.")
		super().setUpClass()
		FOLDER.mkdir(parents=True, exist_ok=True)
		frappe.db.set_value("AI Plan", {"plan_id": ("not like", "shot-%")}, "is_active", 0)
		for order, plan in enumerate(PLANS):
			if not frappe.db.exists("AI Plan", plan["plan_id"]):
				factories.create_plan(sort_order=order, **plan)
		frappe.db.commit()

	def test_every_page_is_captured_in_every_theme(self):
		with factories.payment_settings(**SELLER):
			for look, options in LOOKS.items():
				self.shoot_all(look, options)
			self.shoot_hindi()

	def test_cancelling_and_pausing_are_captured(self):
		with factories.payment_settings(**SELLER):
			plan = frappe.get_doc("AI Plan", "shot-starter")
			plan.update({"allow_pause": 1, "unused_on_cancel": "Credit"})
			plan.save(ignore_permissions=True)
			frappe.db.commit()
			user = self.customer()
			name = factories.create_active_subscription(user, plan=plan).name
			page = self.open(self.browser_of(user, **WIDE), "/billing")
			page.get_by_text("Cancel this subscription").click()
			self.shoot(page, "light", "billing-cancelling")
			at_period_end.cancel(name)
			page.goto("/billing")
			self.shoot(page, "light", "billing-cancelled")
			at_period_end.undo(name)
			pause.pause(name, 30)
			page.goto("/billing")
			self.shoot(page, "light", "billing-paused")

	def shoot_all(self, look: str, options: dict):
		self.shoot(self.open(self.visitor(**options), "/plans"), look, "plans")
		user = self.customer()
		browser = self.browser_of(user, **options)
		page = self.open(browser, "/billing")
		self.shoot(page, look, "billing-empty")
		invoice = self.invoice_of(user)
		page.goto(f"/checkout?invoice={invoice.name}")
		self.shoot(page, look, "checkout")
		self.fail_once(page, look)
		self.leave_pending(page, invoice, look)
		self.pay(page, invoice, look)
		self.look_at_billing(page, user, invoice, look)
		self.look_at_bridges(browser, user, look)

	def test_rare_states_are_captured(self):
		with factories.payment_settings(**SELLER):
			self.look_at_ends()
			self.look_at_returns()
			self.look_at_windows()
			self.look_at_subscriptions()

	def test_coupons_are_captured(self):
		with factories.payment_settings(**SELLER):
			for name, code, points in (("coupon", "MONSOON25", 2500), ("free", "WELCOME", 10_000)):
				if not frappe.db.exists("AI Coupon", code):
					factories.create_coupon(code=code, basis_points=points, duration="Periods", periods=3)
				browser, invoice = self.ordered()
				discounts.apply(invoice.user, invoice.name, code)
				self.shoot(self.checkout(browser, invoice), "light", f"checkout-{name}")

	def test_changes_of_plan_are_captured(self):
		with factories.payment_settings(**SELLER):
			user = self.customer()
			invoice = self.invoice_of(user)
			pay(invoice.name)
			page = self.open(self.browser_of(user, **WIDE), "/change-plan?plan=shot-pro")
			self.shoot(page, "light", "change-plan")
			page.get_by_role("button", name="Continue and pay").click()
			page.wait_for_url("**/checkout?invoice=*")
			page.goto("/billing")
			self.shoot(page, "light", "billing-change")

	@staticmethod
	def invoice_of(user: str, plan: str = "shot-starter"):
		return factories.create_invoice(user, plan=frappe.get_doc("AI Plan", plan))

	def ordered(self):
		"""A new customer with an invoice, because a customer gets one invoice for a plan."""
		user = self.customer()
		return self.browser_of(user, **WIDE), self.invoice_of(user)

	def look_at_ends(self):
		for name, values in (
			("cancelled", {"status": "Cancelled"}),
			("paid", {"status": "Paid", "amount_paid": 588.82}),
			("no-gateway", {}),
		):
			self.offer(0 if name == "no-gateway" else 1)
			browser, invoice = self.ordered()
			frappe.db.set_value("AI Invoice", invoice.name, {"retry_count": 0, **values})
			frappe.db.commit()
			self.shoot(self.checkout(browser, invoice), "light", f"checkout-{name}")
		self.shoot(self.open(browser, "/checkout?invoice=none"), "light", "not-found")

		self.offer(1)

	@staticmethod
	def offer(enabled: int):
		for gateway in GATEWAYS:
			factories.enable_gateway(gateway, enabled=enabled)

	def look_at_returns(self):
		for outcome, view in (("failure", "declined"), ("cancel", "left")):
			page = self.checkout(*self.ordered())
			self.choose(page, "razorpay")
			self.press(page, outcome)
			self.wait_for_result(page, view)
			self.shoot(page, "light", f"result-{view}")
		page = self.open(self.visitor(**WIDE), "/payment-result?attempt=ANY&back=1")
		self.shoot(page, "light", "result-guest")

	def look_at_windows(self):
		browser, invoice = self.ordered()
		attempt = checkout.initiate(invoice.user, invoice.name, "razorpay", "embedded")["attempt"]
		page = self.open(browser, f"/pay?attempt={attempt}")
		page.frame_locator("iframe").locator("button[value=cancel]").click()
		page.get_by_text("The payment window was closed.").wait_for()
		self.shoot(page, "light", "pay-window")
		browser, invoice = self.ordered()
		attempt = checkout.initiate(invoice.user, invoice.name, "payu")["attempt"]
		page = browser.new_page()
		page.add_init_script("HTMLFormElement.prototype.requestSubmit = function () {};")
		page.goto(f"/pay?attempt={attempt}")
		self.shoot(page, "light", "pay-leaving")

	def look_at_subscriptions(self):
		trial = self.customer()
		page = self.open(self.browser_of(trial, **WIDE), "/plans")
		page.locator("#plan-shot-pro button").click()
		page.wait_for_url("**/billing")
		self.shoot(page, "light", "billing-trial")
		for status, name in (("Past Due", "past-due"), ("Expired", "expired")):
			user = self.customer()
			subscription = factories.create_active_subscription(
				user, plan=frappe.get_doc("AI Plan", "shot-starter")
			)
			values = {"status": status, "end_date": add_days(today(), -3), "daily_quota_remaining": 0}
			frappe.db.set_value("AI Subscription", subscription.name, values)
			frappe.db.commit()
			self.shoot(self.open(self.browser_of(user, **WIDE), "/billing"), "light", f"billing-{name}")

	def fail_once(self, page, look: str):
		self.choose(page, "payu")
		self.press(page, "failure")
		self.wait_for_result(page, "failed")
		self.shoot(page, look, "result-failed")

	def leave_pending(self, page, invoice, look: str):
		page.goto(f"/checkout?invoice={invoice.name}")
		self.choose(page, "payu")
		self.press(page, "pending")
		self.wait_for_result(page, "pending")
		self.shoot(page, look, "result-pending")

	def pay(self, page, invoice, look: str):
		page.goto(f"/checkout?invoice={invoice.name}")
		self.shoot(page, look, "checkout-under-way")
		self.choose(page, "phonepe")
		self.press(page, "success")
		self.wait_for_result(page, "paid")
		self.shoot(page, look, "result-paid")

	def look_at_billing(self, page, user: str, invoice, look: str):
		page.goto("/billing")
		page.get_by_role("button", name="Show my API key").click()
		page.locator("#new-key").wait_for()
		self.shoot(page, look, "billing-new-key")
		frappe.db.rollback()
		frappe.db.set_value("AI Subscription", invoice.subscription, "daily_quota_remaining", 388)
		frappe.db.commit()
		page.goto("/billing")
		self.shoot(page, look, "billing")
		page.goto(f"/receipt?invoice={invoice.name}")
		self.shoot(page, look, "receipt")

	def look_at_bridges(self, browser, user: str, look: str):
		plan = factories.create_plan()
		invoice = factories.create_invoice(user, plan=plan)
		frappe.db.set_value("AI Plan", plan.name, "is_active", 0)
		frappe.db.commit()
		for name, method, details in (
			("pay-code", "saved_card", {"instrument_id": "inst-1"}),
			("pay-upi", "upi_intent", {}),
		):
			started = checkout.initiate(
				user, invoice.name, "cashfree", "otp", method=method, method_details=details
			)
			self.shoot(self.open(browser, f"/pay?attempt={started['attempt']}"), look, name)

	def shoot_hindi(self):
		user = self.customer(language="hi")
		browser = self.browser_of(user, **LOOKS["phone"])
		self.shoot(self.open(browser, "/plans"), "hindi", "plans")
		invoice = self.invoice_of(user)
		page = self.open(browser, f"/checkout?invoice={invoice.name}")
		self.shoot(page, "hindi", "checkout")
		self.choose(page, "payu")
		self.press(page, "success")
		self.wait_for_result(page, "paid")
		self.shoot(page, "hindi", "result-paid")
		page.goto("/billing")
		self.shoot(page, "hindi", "billing")

	def shoot(self, page, look: str, name: str):
		if name not in KEPT.get(look, (name,)):
			return
		file = FOLDER / f"{name}-{look}.png"
		page.screenshot(path=file, full_page=True, animations="disabled")
		if shutil.which("convert"):
			subprocess.run(["convert", file, *SMALL, file], check=True)
