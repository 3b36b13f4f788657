"""A site that was updated before gets the new email about an abandoned payment, unless somebody edited it."""

from oropendola_payments.patches import update_abandoned_email
from oropendola_payments.tests.support.email_patches import EmailPatchCase

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


class TestUpdateAbandonedEmail(EmailPatchCase):
	patch = update_abandoned_email

	def test_the_text_of_the_app_is_replaced_and_an_edited_one_stays(self):
		self.check(update_abandoned_email.KEY, BEFORE)
