"""A site that was updated before gets the new reminder, unless somebody edited it."""

from oropendola_payments.patches import update_reminder_email
from oropendola_payments.tests.support.email_patches import EmailPatchCase

BEFORE = (
	"{# You can use: customer, seller, invoice, plan, total, due, due_date, cause, gateway, is_last, link, stop_link. #}\n"
	"<p>Hello {{ customer }},</p>\n"
	'{% if cause == "Due" %}\n'
	"<p>Your invoice {{ invoice }}{% if plan %} for {{ plan }}{% endif %} was due on {{ due_date }}. {{ due }} has not been paid yet.</p>\n"
	'{% elif cause == "Soft" %}\n'
	"<p>Your payment of invoice {{ invoice }} ({{ due }}{% if plan %} for {{ plan }}{% endif %}) did not go through. You were not charged. Another card, another account or another way to pay often works.</p>\n"
	'{% elif cause == "Step" %}\n'
	"<p>Your payment of invoice {{ invoice }} ({{ due }}{% if plan %} for {{ plan }}{% endif %}) was not confirmed, because a code, a PIN or a card detail was not right. You were not charged. Please try again.</p>\n"
	'{% elif cause == "Hard" %}\n'
	"<p>The card or account that you used cannot pay invoice {{ invoice }} ({{ due }}{% if plan %} for {{ plan }}{% endif %}). You were not charged. Please use another one.</p>\n"
	'{% elif cause == "Ours" %}\n'
	"<p>Your payment of invoice {{ invoice }} ({{ due }}{% if plan %} for {{ plan }}{% endif %}) failed because the payment provider had a problem. It was not your fault, and as far as we know you were not charged. You can pay now.</p>\n"
	"{% else %}\n"
	"<p>You started to pay invoice {{ invoice }} ({{ due }}{% if plan %} for {{ plan }}{% endif %}) but did not finish. As far as we know, you were not charged.</p>\n"
	"{% endif %}\n"
	'<p><a href="{{ link }}">Pay now</a>{% if gateway %} (we suggest {{ gateway }}){% endif %}</p>\n'
	"{% if is_last %}<p>This is our last reminder about this invoice.</p>{% endif %}\n"
	"{% if seller %}<p>{{ seller }}</p>{% endif %}\n"
	'<p><a href="{{ stop_link }}">Stop payment reminders</a></p>\n'
)


class TestUpdateReminderEmail(EmailPatchCase):
	patch = update_reminder_email

	def test_the_text_of_the_app_is_replaced_and_an_edited_one_stays(self):
		self.check(update_reminder_email.KEY, BEFORE)
