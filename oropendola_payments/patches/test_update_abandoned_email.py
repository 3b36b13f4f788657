"""A site that was updated before gets the new email about an abandoned payment, unless somebody edited it."""

import frappe

from oropendola_payments.engine.notifications import templates
from oropendola_payments.patches import update_abandoned_email
from oropendola_payments.tests.support.case import TestCase

BEFORE = (
	"{# You can use: customer, seller, invoice, plan, total, reason, under_review, can_retry, paid, link. #}\n"
	"<p>Hello {{ customer }},</p>\n"
	"<p>You started to pay invoice {{ invoice }} for {{ total }}{% if plan %} ({{ plan }}){% endif %} but did not complete the payment. As far as we know, you were not charged.</p>\n"
	"{% if can_retry %}\n"
	'<p><a href="{{ link }}">Pay now</a></p>\n'
	"{% else %}\n"
	"<p>Please reply to this email and we will help you pay.</p>\n"
	"{% endif %}\n"
	"{% if seller %}<p>{{ seller }}</p>{% endif %}\n"
)


class TestUpdateAbandonedEmail(TestCase):
	def setUp(self):
		self.addCleanup(frappe.db.rollback)

	def after(self, body: str) -> str:
		name, subject = templates.TEXTS[update_abandoned_email.KEY]
		frappe.db.set_value(
			"Email Template", name, {"subject": subject, "response_html": body, "use_html": 1}
		)
		for _run in range(2):
			update_abandoned_email.execute()
		return frappe.db.get_value("Email Template", name, "response_html")

	def test_the_text_of_the_app_is_replaced_and_an_edited_one_stays(self):
		self.assertEqual(self.after(BEFORE), templates.ours(update_abandoned_email.KEY)[1])
		edited = f"{BEFORE}<p>Bye</p>"
		self.assertEqual(self.after(edited), edited)
