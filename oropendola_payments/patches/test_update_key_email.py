"""A site that was updated before gets the new email about API keys, unless somebody edited it."""

import frappe

from oropendola_payments.engine.notifications import templates
from oropendola_payments.patches import update_key_email
from oropendola_payments.tests.support.case import TestCase

BEFORE = (
	"{# You can use: customer, seller, plan, link. #}\n"
	"<p>Hello {{ customer }},</p>\n"
	"<p>A new API key was created for your subscription to {{ plan }}, and the old one no longer works. If you did not do this,"
	" please change your password and reply to this email.</p>\n"
	'<p><a href="{{ link }}">See your subscription</a></p>\n'
	"{% if seller %}<p>{{ seller }}</p>{% endif %}\n"
)


class TestUpdateKeyEmail(TestCase):
	def setUp(self):
		self.name = templates.TEXTS["api_key_changed"][0]
		self.addCleanup(frappe.db.rollback)

	def after(self, subject: str, body: str) -> tuple:
		frappe.db.set_value(
			"Email Template", self.name, {"subject": subject, "response_html": body, "use_html": 1}
		)
		for _run in range(2):
			update_key_email.execute()
		return frappe.db.get_value("Email Template", self.name, ["subject", "response_html"])

	def test_the_text_of_the_app_is_replaced(self):
		self.assertEqual(self.after("Your API key was changed", BEFORE), templates.ours("api_key_changed"))

	def test_an_edited_text_stays(self):
		edited = ("Your API key was changed", f"{BEFORE}<p>Bye</p>")
		self.assertEqual(self.after(*edited), edited)
