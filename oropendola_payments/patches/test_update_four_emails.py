"""A site that was updated before gets the new texts of four emails, unless somebody edited them."""

import frappe

from oropendola_payments.engine.notifications import templates
from oropendola_payments.patches import update_four_emails, update_unedited_email_templates
from oropendola_payments.tests.support.case import TestCase

KEY = "plan_change_scheduled"
BEFORE = (
	"{# You can use: customer, seller, plan, old_plan, changes_on, runs_until, link. #}\n"
	"<p>Hello {{ customer }},</p>\n"
	"<p>Your plan changes from {{ old_plan }} to {{ plan }} on {{ changes_on }}. Until then you keep {{ old_plan }}, and your API key stays the same after it.</p>\n"
	"<p>You can call the change off on the billing page until then.</p>\n"
	'<p><a href="{{ link }}">See your subscription</a></p>\n'
	"{% if seller %}<p>{{ seller }}</p>{% endif %}\n"
)


class TestUpdateFourEmails(TestCase):
	def setUp(self):
		self.name = templates.TEXTS[KEY][0]
		self.addCleanup(frappe.db.rollback)

	def after(self, body: str) -> str:
		values = {"subject": templates.TEXTS[KEY][1], "response_html": body, "use_html": 1}
		frappe.db.set_value("Email Template", self.name, values)
		for _run in range(2):
			update_four_emails.execute()
		return frappe.db.get_value("Email Template", self.name, "response_html")

	def test_the_text_of_the_app_is_replaced_and_an_edited_one_stays(self):
		self.assertEqual(self.after(BEFORE), templates.ours(KEY)[1])
		edited = f"{BEFORE}<p>Bye</p>"
		self.assertEqual(self.after(edited), edited)

	def test_no_fingerprint_is_that_of_a_text_of_today(self):
		for key, before in update_four_emails.BEFORE.items():
			self.assertNotEqual(update_unedited_email_templates.fingerprint(*templates.ours(key)), before)
