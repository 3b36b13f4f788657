"""The buttons and dialogs of the Desk, in a browser and against the server. `desk_host.js` stands in for Frappe's client."""

import io
from pathlib import Path

import frappe
from frappe.utils.password import update_password

from oropendola_payments.engine.payouts import imports
from oropendola_payments.engine.webhooks_out import endpoints
from oropendola_payments.tests.browser.case import BrowserTestCase
from oropendola_payments.tests.support import credits, factories
from oropendola_payments.tests.support import payouts as support

APP = Path(__file__).parents[2]
HOST = Path(__file__).with_name("desk_host.js")
SHARED = APP / "public/js/payments_desk.js"
MANAGER = "Payments Manager"


class DeskCase(BrowserTestCase):
	def desk(self, script: str):
		"""A page of a manager with the script of a form or list."""
		user = factories.create_user(MANAGER)
		update_password(user, factories.PASSWORD)
		frappe.db.commit()
		page = self.open(self.browser_of(user), "/plans")
		for file in (HOST, SHARED, APP / "ai_billing/doctype" / script):
			page.evaluate(f"() => {{ {file.read_text(encoding='utf-8')} }}")
		return page

	@staticmethod
	def open_form(page, doctype: str, doc: dict, dirty: bool = False):
		page.evaluate("([doctype, doc, dirty]) => open_form(doctype, doc, dirty)", [doctype, doc, dirty])

	@staticmethod
	def click(page, label: str):
		page.locator("button.custom", has_text=label).click()

	@staticmethod
	def fill(page, **values):
		for name, value in values.items():
			page.locator(f".modal:visible input[name={name}]").fill(value)

	@staticmethod
	def go(page):
		page.locator(".modal:visible:not(#message) .btn-primary").click()

	@staticmethod
	def read_message(page) -> str:
		"""The text of the message, which is closed after that."""
		message = page.locator("#message:visible")
		text = message.locator(".body").inner_text()
		message.locator(".close").click()
		return text


class TestDialogs(DeskCase):
	def setUp(self):
		super().setUp()
		self.grant = credits.give(factories.create_user(), 10)
		self.page = self.desk("ai_credit_grant/ai_credit_grant.js")
		facts = {"credits": {"remaining": "10", "granted": "10"}, "can_correct": 1}
		self.open_form(self.page, "AI Credit Grant", {"name": self.grant.name, "__onload": facts})

	def correct(self, amount: str):
		self.click(self.page, "Correct credits")
		self.fill(self.page, credits=amount, reason="Bonus of November")
		self.go(self.page)

	def remaining(self) -> int:
		return self.value("AI Credit Grant", self.grant.name, "remaining")

	def test_a_refused_action_keeps_what_was_typed(self):
		self.correct("-11")
		self.assertIn("10 credits remain", self.read_message(self.page))
		self.assertEqual(self.page.locator("input[name=reason]:visible").input_value(), "Bonus of November")
		self.fill(self.page, credits="-4")
		self.go(self.page)
		self.page.locator("body[data-reloads='1']").wait_for()
		self.assertEqual(self.page.locator("input[name=reason]:visible").count(), 0)
		self.assertEqual(self.remaining(), 6000)

	def test_an_answer_that_is_lost_is_not_called_a_failure(self):
		def lose(route):
			route.fetch()
			route.abort()

		self.page.route("**/api/method/**", lose)
		self.correct("-4")
		self.assertIn("may have been done or not", self.read_message(self.page))
		self.assertEqual(self.remaining(), 6000)

	def test_a_login_that_was_renewed_elsewhere_is_called_by_its_name(self):
		self.page.evaluate("frappe.csrf_token = 'of another window'")
		self.correct("-4")
		self.assertIn("reload this page", self.read_message(self.page))
		self.assertEqual(self.remaining(), 10000)


class TestSecrets(DeskCase):
	"""A message that comes later shares one dialog with every other message of Frappe."""

	def setUp(self):
		super().setUp()
		self.endpoint = endpoints.create(None, "https://example.com/hook", [])["endpoint"]
		self.addCleanup(endpoints.delete, self.endpoint)
		frappe.db.commit()
		self.page = self.desk("ai_webhook_endpoint/ai_webhook_endpoint.js")
		doc = {"name": self.endpoint, "__onload": {"actions": {"rotate": 1}}}
		self.open_form(self.page, "AI Webhook Endpoint", doc)
		self.click(self.page, "Rotate secret")
		self.secret = self.page.locator(".modal:visible code").inner_text()
		self.page.locator(".modal:visible .close").click()
		self.page.evaluate("frappe.msgprint('Another message')")

	def test_a_later_message_does_not_show_the_secret(self):
		self.assertGreater(len(self.secret), 20)
		self.assertNotIn(self.secret, self.page.content())

	def test_closing_a_later_message_does_not_load_the_form_again(self):
		self.read_message(self.page)
		self.assertEqual(self.page.evaluate("document.body.dataset.reloads"), "1")


class TestPaymentLinks(DeskCase):
	def test_a_second_click_creates_no_second_link(self):
		page = self.desk("ai_invoice/ai_invoice.js")
		invoice = self.invoice_for(factories.create_user())
		doc = {"name": invoice.name, "currency": "INR", "__onload": {"actions": {"link": ["Copy"]}}}
		self.open_form(page, "AI Invoice", doc)
		self.click(page, "Payment link")
		page.locator(".modal:visible .btn-primary").dblclick()
		page.locator(".modal:visible code").wait_for()
		frappe.db.rollback()
		self.assertEqual(frappe.db.count("AI Payment Link", {"invoice": invoice.name}), 1)


class TestUnsavedForms(DeskCase):
	def test_a_tax_id_that_is_not_saved_is_not_confirmed(self):
		page = self.desk("ai_billing_profile/ai_billing_profile.js")
		doc = {"name": "Profile", "__onload": {"can_check_tax_id": 1}}
		self.open_form(page, "AI Billing Profile", doc, dirty=True)
		self.click(page, "Confirm tax ID")
		self.assertIn("save your changes first", self.read_message(page))
		self.assertEqual(page.locator(".modal:visible").count(), 0)


class TestPayoutReports(DeskCase):
	HEAD = "Remittance,Remitted,Type,Payment,Currency,Gross\n"

	def setUp(self):
		super().setUp()
		support.start_afresh("cashflows")
		self.addCleanup(support.start_afresh, "cashflows")
		names = ("payout_id", "paid_on", "kind", "payment_id", "currency", "amount")
		columns = {f"{name}_column": support.REMITTANCE[f"{name}_column"] for name in names}
		columns["kinds"] = support.REMITTANCE["kinds"]
		imports.import_file("cashflows", io.BytesIO(self.report("FIRST")), columns)
		frappe.db.commit()
		self.page = self.desk("payment_payout/payment_payout_list.js")
		self.page.evaluate("open_list('Payment Payout')")

	def report(self, payout: str) -> bytes:
		return f"{self.HEAD}{payout},2026-11-29,Sale,PAY-{payout},GBP,499.00\n".encode()

	def choose(self, payout: str):
		file = {"name": "report.csv", "mimeType": "text/csv", "buffer": self.report(payout)}
		self.page.locator("#payout-file").set_input_files(file)

	def payouts(self) -> set[str]:
		frappe.db.rollback()
		return {payout.gateway_payout_id for payout in support.payouts("cashflows")}

	def test_only_the_report_that_was_previewed_is_imported(self):
		self.click(self.page, "Import report")
		self.fill(self.page, gateway="cashflows")
		self.choose("SHOWN")
		self.go(self.page)
		self.page.get_by_role("cell", name="SHOWN", exact=True).wait_for()
		self.choose("OTHER")
		self.go(self.page)
		self.page.get_by_role("cell", name="OTHER", exact=True).wait_for()
		self.assertEqual(self.payouts(), {"FIRST"})
		self.go(self.page)
		self.page.locator("#message", has_text="New: 1").wait_for()
		self.assertEqual(self.payouts(), {"FIRST", "OTHER"})
