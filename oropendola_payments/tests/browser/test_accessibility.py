"""Accessibility: axe-core finds no violation, the keyboard is enough, nothing is cut off on a phone."""

from unittest import SkipTest

import frappe

from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.keys import reveal
from oropendola_payments.engine.usage_ledger import events
from oropendola_payments.tests.browser.case import PHONE, BrowserTestCase
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.credits import create_pack, give

LIGHT, DARK = {"color_scheme": "light"}, {"color_scheme": "dark", **PHONE}
ONLY_FAULTS = {"resultTypes": ["violations"]}
# What colours and the width of the page decide. The rest of a page is the same in each look.
BY_LOOK = {**ONLY_FAULTS, "runOnly": ["color-contrast", "scrollable-region-focusable", "target-size"]}
NARROW = {"viewport": {"width": 320, "height": 640}}


class TestAccessibility(BrowserTestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		try:
			from axe_playwright_python.sync_playwright import Axe
		except ImportError:
			raise SkipTest("axe-core is not installed: pip install axe-playwright-python") from None
		cls.axe = Axe()
		cls.user = cls.customer()
		cls.paths = cls.make_states()

	@classmethod
	def make_states(cls) -> dict[str, str]:
		"""The address of a page in each of its states."""
		prices = [{"currency": code, "price": 9} for code in ("USD", "EUR", "GBP", "JPY", "KWD", "AUD")]
		factories.create_plan(prices=prices, trial_days=7, features="One\nTwo")
		open_invoice, failed, paid = (factories.create_invoice(cls.user) for _ in range(3))
		cls.set("AI Invoice", failed.name, status="Failed", failure_reason="The bank declined the payment.")
		cls.use(factories.create_active_subscription(cls.user))
		create_pack(description="A pack with a rather long description, for phones.")
		give(cls.user, 12)
		served = frappe.get_all("AI Invoice", {"user": cls.user, "status": "Paid"}, pluck="name")[0]
		attempts = {
			"form": cls.attempt(open_invoice, "payu"),
			"script": cls.attempt(open_invoice, "stripe", "embedded"),
			"code": cls.attempt(open_invoice, "cashfree", "otp", "saved_card", {"instrument_id": "inst-1"}),
			"upi": cls.attempt(paid, "cashfree", "otp", "upi_qr"),
			"expired": cls.attempt(paid, "phonepe"),
		}
		cls.set("Payment Attempt", attempts["expired"], expires_at="2020-01-01 10:00:00")
		return {
			"plans": "/plans",
			"billing": "/billing",
			"usage": "/usage",
			"credits": "/credits",
			"checkout": f"/checkout?invoice={open_invoice.name}",
			"checkout after a failure": f"/checkout?invoice={failed.name}",
			"checkout of a paid invoice": f"/checkout?invoice={served}",
			"missing": "/checkout?invoice=none",
			**{name: f"/pay?attempt={attempt}" for name, attempt in attempts.items()},
			"pending": f"/payment-result?attempt={attempts['form']}",
			"failed": f"/payment-result?invoice={failed.name}",
			"paid": f"/payment-result?invoice={served}",
			"receipt": f"/receipt?invoice={served}",
		}

	@classmethod
	def use(cls, subscription):
		key = reveal.reveal(subscription.user)["api_key"]
		for model in ("gpt-4o", "a-model-with-a-rather-long-name-2026-11-29-preview"):
			events.consume(key, 1, model, 1_234_567, 890, event_id=model)
		frappe.db.commit()

	@classmethod
	def attempt(cls, invoice, gateway: str, flow=None, method=None, details=None) -> str:
		started = checkout.initiate(
			cls.user, invoice.name, gateway, flow, method=method, method_details=details or {}
		)
		return started["attempt"]

	@classmethod
	def set(cls, doctype: str, name: str, **values):
		frappe.db.set_value(doctype, name, values)
		frappe.db.commit()

	def stay(self, context):
		"""Keep the page that redirects to a gateway open, so that it can be examined."""
		context.route(f"{self.simulator.url}/**", lambda route: route.abort())
		return context

	def test_axe_finds_no_violation_on_any_page(self):
		self.assert_without_faults(LIGHT, ONLY_FAULTS)

	def test_axe_finds_no_violation_on_a_dark_phone(self):
		self.assert_without_faults(DARK, BY_LOOK)

	def assert_without_faults(self, look: dict, options: dict):
		context = self.stay(self.browser_of(self.user, **look))
		for name, path in self.paths.items():
			with self.subTest(name):
				page = self.open_still(context, path)
				self.assertEqual(self.faults(page, options), [])
				page.close()

	def open_still(self, context, path: str):
		page = context.new_page()
		# The redirect to the gateway was aborted.
		page.add_init_script("HTMLFormElement.prototype.requestSubmit = function () {};")
		page.goto(path, wait_until="domcontentloaded")
		return page

	def faults(self, page, options: dict = ONLY_FAULTS) -> list[str]:
		found = self.axe.run(page, options=options).response["violations"]
		return [
			f"{fault['id']}: {fault['help']} {[node['html'][:200] for node in fault['nodes']]}"
			for fault in found
		]

	def test_axe_finds_no_violation_on_pages_for_guests(self):
		context = self.visitor()
		for path in ("/plans", "/payment-result?attempt=X&back=1"):
			self.assertEqual(self.faults(self.open(context, path)), [])

	def test_no_page_is_wider_than_a_small_phone(self):
		context = self.stay(self.browser_of(self.user, **NARROW))
		for name, path in self.paths.items():
			with self.subTest(name):
				page = self.open_still(context, path)
				for summary in page.locator("summary").all():
					summary.click()
				self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 320)
				page.close()

	def test_a_customer_pays_with_the_keyboard_alone(self):
		page = self.open(self.browser_of(self.user), self.paths["checkout"])
		stops = []
		for _ in range(20):
			page.keyboard.press("Tab")
			stops.append(
				page.evaluate("document.activeElement.textContent.trim() || document.activeElement.name")
			)
			if stops[-1].startswith("Pay "):
				break
		self.assertEqual(stops[0], "Skip to the content")
		self.assertIn("gateway", stops)
		page.keyboard.press("Enter")
		self.wait_for_gateway(page)

	def test_the_focused_element_is_visible(self):
		page = self.open(self.browser_of(self.user), self.paths["billing"])
		for _ in range(8):
			page.keyboard.press("Tab")
			outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
			self.assertEqual(outline, "solid", page.evaluate("document.activeElement.outerHTML"))

	def test_buttons_and_links_are_at_least_24_pixels_high(self):
		"""WCAG 2.2 asks for 24 pixels; links inside sentences are excepted."""
		context = self.stay(self.browser_of(self.user, **PHONE))
		script = """() => [...document.querySelectorAll("a, button, input, summary")]
			.filter((e) => e.offsetParent && e.type !== "hidden" && !e.closest("p") && !e.closest("label") && !e.matches(".skip"))
			.filter((e) => { const r = e.getBoundingClientRect(); return r.height < 24 || r.width < 24; })
			.map((e) => e.outerHTML)"""
		for name in ("plans", "billing", "checkout", "code", "paid", "receipt"):
			with self.subTest(name):
				page = self.open_still(context, self.paths[name])
				self.assertEqual(page.evaluate(script), [])
				page.close()
