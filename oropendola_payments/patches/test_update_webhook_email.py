"""A site that was updated before gets the new email about disabled endpoints, unless somebody edited it."""

import frappe

from oropendola_payments.engine.notifications import templates
from oropendola_payments.patches import update_webhook_email
from oropendola_payments.tests.support.case import TestCase

SUBJECT = "Your webhook endpoint at {{ host }} was disabled"
BEFORE = (
	"{# You can use: customer, seller, host, error, since, is_gone, link. #}\n"
	"<p>Hello {{ customer }},</p>\n"
	"{% if is_gone %}\n"
	"<p>Your webhook endpoint at {{ host }} answered 410 Gone, so we disabled it and send nothing more to it.</p>\n"
	"{% else %}\n"
	"<p>We disabled your webhook endpoint at {{ host }}, because nothing could be delivered to it since {{ since }}. The last error: {{ error }}</p>\n"
	"{% endif %}\n"
	"<p>Once the receiver works again you can enable the endpoint and send again what was lost.</p>\n"
	'<p><a href="{{ link }}">See the endpoint</a></p>\n'
	"{% if seller %}<p>{{ seller }}</p>{% endif %}\n"
)


class TestUpdateWebhookEmail(TestCase):
	def setUp(self):
		self.name = templates.TEXTS["webhook_disabled"][0]
		self.addCleanup(frappe.db.rollback)

	def after(self, body: str) -> str:
		values = {"subject": SUBJECT, "response_html": body, "use_html": 1}
		frappe.db.set_value("Email Template", self.name, values)
		for _run in range(2):
			update_webhook_email.execute()
		return frappe.db.get_value("Email Template", self.name, "response_html")

	def test_the_text_of_the_app_is_replaced_and_an_edited_one_stays(self):
		self.assertEqual(self.after(BEFORE), templates.ours("webhook_disabled")[1])
		edited = f"{BEFORE}<p>Bye</p>"
		self.assertEqual(self.after(edited), edited)
