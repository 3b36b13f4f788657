"""The base class of all browser tests: a site, a simulator, a browser, and customers."""

import frappe
from frappe.utils.password import update_password

from oropendola_payments.gateways import BUILT_IN
from oropendola_payments.tests.browser.chromium import Chromium
from oropendola_payments.tests.browser.host import Host
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.gateway_events import currency_of

GATEWAYS = tuple(BUILT_IN)
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


class BrowserTestCase(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.chromium = Chromium()
		cls.addClassCleanup(cls.chromium.close)
		cls.host = Host()
		cls.addClassCleanup(cls.host.close)
		cls.simulator = cls.host.simulator
		for code in GATEWAYS:
			# By address, because a web server of Frappe 16 reads the site's configuration once a minute.
			address = f"{cls.simulator.url}/{code}"
			factories.enable_gateway(
				code, is_default=0, embed_checkout=0, require_phone_code=0, api_base_url=address
			)
			cls.addClassCleanup(factories.enable_gateway, code)

	def setUp(self):
		super().setUp()
		self.simulator.reset()
		self.console_errors: list[str] = []

	# People -----------------------------------------------------------------------------------------

	@staticmethod
	def customer(language: str | None = None, **values) -> str:
		user = factories.create_user(**values)
		update_password(user, factories.PASSWORD)
		if language:
			frappe.db.set_value("User", user, "language", language)
			frappe.clear_cache(user=user)
		frappe.db.commit()
		return user

	def visitor(self, **options):
		"""A browser context without a session."""
		context = self.chromium.context(base_url=self.host.url, **options)
		self.addCleanup(context.close)
		return context

	def browser_of(self, user: str, **options):
		"""A browser context in which this user is logged in."""
		context = self.visitor(**options)
		form = {"usr": user, "pwd": factories.PASSWORD}
		answer = context.request.post(f"{self.host.url}/api/method/login", form=form)
		self.assertTrue(answer.ok, answer.text())
		return context

	def open(self, context, path: str):
		"""Open a page and collect its console errors."""
		page = context.new_page()
		page.on("console", lambda message: message.type == "error" and self._note(message))
		page.on("pageerror", lambda error: self.console_errors.append(str(error)))
		page.goto(path)
		return page

	def _note(self, message):
		"""Errors of other sites' pages are not ours, nor is the missing icon of the login page."""
		url = message.location.get("url", "")
		is_ours = url.startswith(self.host.url) and not url.endswith("favicon.ico")
		if is_ours or "Content Security" in message.text:
			self.console_errors.append(f"{message.text} ({url})")

	# Things ------------------------------------------------------------------------------------------

	def invoice_for(self, user: str, gateway: str = "payu", **plan):
		return factories.create_invoice(user, currency=currency_of(gateway), **plan)

	def value(self, doctype: str, name, field: str):
		frappe.db.rollback()  # the server committed since we last read
		return frappe.db.get_value(doctype, name, field)

	def status(self, invoice) -> str:
		return self.value("AI Invoice", invoice.name, "status")

	def attempts(self, invoice) -> list[str]:
		frappe.db.rollback()
		return frappe.get_all("Payment Attempt", {"invoice": invoice.name}, pluck="name", order_by="creation")

	# Steps -------------------------------------------------------------------------------------------

	def checkout(self, context, invoice):
		return self.open(context, f"/checkout?invoice={invoice.name}")

	def log_in(self, page, user: str):
		"""Log in on the login page of the host, once its script is loaded."""
		page.wait_for_load_state("networkidle")
		page.locator("#login_email").fill(user)
		page.locator("#login_password").fill(factories.PASSWORD)
		page.locator(".btn-login:visible").click()

	def choose(self, page, gateway: str):
		"""Go from the checkout to the pay page of the gateway."""
		page.locator(f"input[name=gateway][value={gateway}]").check()
		page.locator(".pay-form .button").click()
		self.wait_for_gateway(page)

	def wait_for_gateway(self, page):
		page.wait_for_url(f"{self.simulator.url}/**")

	def press(self, page, outcome: str, method: str | None = None):
		"""Press a button of the simulated gateway and confirm the pages of the bank or the UPI app."""
		if method:
			page.locator(f"input[name=method][value={method}]").check()
		page.locator(f"button[value={outcome}]").first.click()
		if page.locator("input[name=otp]").count():
			page.locator("input[name=otp]").fill("123456")
			page.locator("button[value=success]").click()
		elif page.get_by_text("Your UPI app asks").count():
			page.locator(f"button[value={outcome}]").click()

	def window_of(self, page, gateway: str):
		"""Go from the checkout to the window that the gateway's script opens inside our page."""
		page.locator(f"input[name=gateway][value={gateway}]").check()
		page.locator(".pay-form .button").click()
		window = page.frame_locator("iframe[name=simulator-checkout]")
		window.locator("button[value=success]").wait_for()
		return window

	def pay_inside(self, window):
		window.locator("button[value=success]").click()
		window.locator("input[name=otp]").fill("123456")
		window.locator("button[value=success]").click()

	def wait_for_result(self, page, view: str):
		page.locator(f"[data-view={view}]").wait_for()
