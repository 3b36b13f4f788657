"""A site that was updated before gets the new email about disabled endpoints, unless somebody edited it."""

from oropendola_payments.patches import update_webhook_email
from oropendola_payments.tests.support.email_patches import EmailPatchCase

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


class TestUpdateWebhookEmail(EmailPatchCase):
	patch = update_webhook_email

	def test_the_text_of_the_app_is_replaced_and_an_edited_one_stays(self):
		self.check("webhook_disabled", BEFORE, SUBJECT)
