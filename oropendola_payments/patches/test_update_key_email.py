"""A site that was updated before gets the new email about API keys, unless somebody edited it."""

from oropendola_payments.patches import update_key_email
from oropendola_payments.tests.support.email_patches import EmailPatchCase

BEFORE = (
	"{# You can use: customer, seller, plan, link. #}\n"
	"<p>Hello {{ customer }},</p>\n"
	"<p>A new API key was created for your subscription to {{ plan }}, and the old one no longer works. If you did not do this,"
	" please change your password and reply to this email.</p>\n"
	'<p><a href="{{ link }}">See your subscription</a></p>\n'
	"{% if seller %}<p>{{ seller }}</p>{% endif %}\n"
)


class TestUpdateKeyEmail(EmailPatchCase):
	patch = update_key_email

	def test_the_text_of_the_app_is_replaced_and_an_edited_one_stays(self):
		self.check("api_key_changed", BEFORE, "Your API key was changed")
