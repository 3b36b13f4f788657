"""A site that was updated before gets the new texts of five emails, unless somebody edited them."""

from oropendola_payments.engine.notifications import templates
from oropendola_payments.patches import update_five_emails, update_unedited_email_templates
from oropendola_payments.tests.support.email_patches import EmailPatchCase

BEFORE = {
	"plan_change_scheduled": (
		"{# You can use: customer, seller, plan, old_plan, changes_on, runs_until, link. #}\n"
		"<p>Hello {{ customer }},</p>\n"
		"<p>Your plan changes from {{ old_plan }} to {{ plan }} on {{ changes_on }}. Until then you keep {{ old_plan }}, and your API key stays the same after it.</p>\n"
		"<p>You can call the change off on the billing page until then.</p>\n"
		'<p><a href="{{ link }}">See your subscription</a></p>\n'
		"{% if seller %}<p>{{ seller }}</p>{% endif %}\n"
	),
	"payment_failed": (
		"{# You can use: customer, seller, invoice, plan, total, reason, under_review, can_retry, paid, link. #}\n"
		"<p>Hello {{ customer }},</p>\n"
		"<p>Your payment of invoice {{ invoice }} for {{ total }}{% if plan %} ({{ plan }}){% endif %} was not completed.{% if reason %} {{ reason }}{% endif %}</p>\n"
		"{% if under_review %}\n"
		"<p>You may have been charged. Our team is checking this and will email you. Please do not pay again until then.</p>\n"
		"{% else %}\n"
		"<p>You were not charged for this attempt{% if paid %}, and the {{ paid }} you paid before is safe{% endif %}. If your bank still shows a payment, we will record it as soon as it arrives and you do not need to pay again.</p>\n"
		"{% if can_retry %}\n"
		'<p><a href="{{ link }}">Try again</a></p>\n'
		"{% else %}\n"
		"<p>Several attempts failed. Please reply to this email and we will help you pay.</p>\n"
		"{% endif %}\n"
		"{% endif %}\n"
		"{% if seller %}<p>{{ seller }}</p>{% endif %}\n"
	),
}


class TestUpdateFiveEmails(EmailPatchCase):
	patch = update_five_emails

	def test_the_text_of_the_app_is_replaced_and_an_edited_one_stays(self):
		for key, before in BEFORE.items():
			with self.subTest(key):
				self.check(key, before)

	def test_no_fingerprint_is_that_of_a_text_of_today(self):
		for key, before in update_five_emails.BEFORE.items():
			self.assertNotEqual(update_unedited_email_templates.fingerprint(*templates.ours(key)), before)
