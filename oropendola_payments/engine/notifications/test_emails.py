"""Mails and receipts: who gets which, and a failing mail, template or PDF never affects the payment (R2, R27)."""

import frappe

from oropendola_payments.ai_billing import formatting
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.entitlements import api_keys
from oropendola_payments.engine.inbound import abandonment
from oropendola_payments.engine.jobs import subscription_jobs
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.notifications import emails, receipts
from oropendola_payments.engine.notifications import hooks as notification_hooks
from oropendola_payments.engine.notifications import templates as mail_templates
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.engine.subscriptions import lifecycle  # fmt: skip
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	as_user,
	create_active_subscription,
	create_invoice,
	create_plan,
	payment_settings,
	unique,
)  # fmt: skip
from oropendola_payments.tests.support.journey import Journey, customer
from oropendola_payments.tests.support.outbox import broken, mails_stay_queued, mails_to, replaced
from oropendola_payments.tests.support.time_travel import make_due


class MailCase(TestCase):
	def setUp(self):
		self.enterContext(mails_stay_queued())
		self.enterContext(payment_settings(tax_rate=0, send_payment_mails=1))


class TestPaymentMails(MailCase):
	def setUp(self):
		super().setUp()
		self.user = customer()
		self.invoice = create_invoice(self.user)
		paid = manual_payment.record_payment(
			self.invoice.name, self.invoice.total(), unique("transfer"), None, None
		)
		self.capture = frappe.db.get_value("Payment Capture", {"attempt": paid["attempt"]}, "name")

	def test_one_payment_mail_is_sent_with_amount_and_invoice(self):
		notification_hooks.payment_succeeded(self.capture)
		thanks = [
			mail for mail in mails_to(self.user) if mail.subject == f"Payment received: {self.invoice.name}"
		]
		self.assertTrue(thanks)
		self.assertIn("₹499.00", thanks[-1].html)
		self.assertIn("/billing", thanks[-1].html)

	def test_the_mail_shows_the_end_of_the_period_in_the_format_of_the_pages(self):
		notification_hooks.payment_succeeded(self.capture)
		until = formatting.day(self.invoice.reload().period_end)
		self.assertRegex(until, r"^\d+ \w{3} \d{4}$")
		self.assertIn(f"Starter now runs until {until}", mails_to(self.user)[-1].html)

	def test_the_mail_offers_the_key_until_it_was_shown(self):
		notification_hooks.payment_succeeded(self.capture)
		self.assertIn("Your API key is ready", mails_to(self.user)[-1].html)
		api_keys.reveal(self.invoice.subscription)
		frappe.db.set_value("Payment Capture", self.capture, "untold", 1)
		notification_hooks.payment_succeeded(self.capture)
		self.assertNotIn("API key", mails_to(self.user)[-1].html)

	def test_the_mail_says_how_to_reach_the_seller(self):
		with payment_settings(
			seller_email="help@example.com", seller_phone="+91 22 1234 5678", seller_link=None
		):
			notification_hooks.payment_succeeded(self.capture)
		for way in ("mailto:help@example.com", "tel:+912212345678"):
			self.assertIn(way, mails_to(self.user)[-1].html)

	def test_the_receipt_is_in_the_language_of_the_customer(self):
		with replaced(frappe, "get_print", lambda *args, **options: frappe.local.lang.encode()):
			self.assertEqual(receipts.attachments(self.invoice, "hi")[0]["fcontent"], b"hi")
		self.assertEqual(frappe.local.lang, "en")

	def test_the_receipt_is_attached_when_a_guest_webhook_settled_the_payment(self):
		with as_user("Guest"):
			notification_hooks.payment_succeeded(self.capture)
		sent = mails_to(self.user)[-1]
		if not receipts.as_pdf(self.invoice):
			self.skipTest("This machine cannot make PDFs")
		self.assertTrue(sent.attachments[f"{self.invoice.name}.pdf"].startswith(b"%PDF"))

	def test_a_failing_pdf_engine_omits_the_attachment_and_still_sends_the_mail(self):
		before = len(mails_to(self.user))
		with broken(frappe, "get_print"):
			notification_hooks.payment_succeeded(self.capture)
		sent = mails_to(self.user)
		self.assertEqual(len(sent), before + 1)
		self.assertEqual(sent[-1].attachments, {})
		self.assertFalse(frappe.flags.ignore_print_permissions)

	def test_a_failing_mail_server_does_not_affect_the_payment(self):
		with broken(frappe, "sendmail"):
			notification_hooks.payment_succeeded(self.capture)
		self.assertEqual(self.invoice.reload().status, "Paid")
		self.assertEqual(invariants.check(("paid_amount_differs_from_captures", "paid_without_service")), {})

	def test_a_disabled_mail_is_not_sent(self):
		before = len(mails_to(self.user))
		with payment_settings(send_payment_mails=0):
			notification_hooks.payment_succeeded(self.capture)
		self.assertEqual(len(mails_to(self.user)), before)

	def test_a_disabled_customer_gets_no_mail(self):
		before = len(mails_to(self.user))
		frappe.db.set_value("User", self.user, "enabled", 0)
		self.addCleanup(frappe.db.set_value, "User", self.user, "enabled", 1)
		notification_hooks.payment_succeeded(self.capture)
		self.assertEqual(len(mails_to(self.user)), before)

	def test_a_completed_refund_sends_a_mail_with_its_amount(self):
		answer = create.create_refund(self.invoice.name, 100, "Example")
		emails.refund_done(self.invoice, frappe.get_doc("Payment Refund", answer["refund"]))
		sent = mails_to(self.user)[-1]
		self.assertEqual(sent.subject, f"Refund sent: {self.invoice.name}")
		self.assertIn("₹100.00", sent.html)
		self.assertIn("Reason: Example", sent.html)


class TestOtherMails(MailCase):
	def test_the_mail_about_a_failed_payment_leads_to_its_payment(self):
		invoice = self.failed_invoice("Failed")
		emails.payment_failed(invoice)
		sent = mails_to(invoice.user)[-1]
		self.assertRegex(sent.html, r"/p/[\w-]{43}")
		self.assertIn("The bank said no.", sent.html)

	def test_the_mail_about_a_failed_payment_says_that_nothing_was_charged(self):
		emails.payment_failed(invoice := self.failed_invoice("Failed"))
		self.assertIn("You were not charged", mails_to(invoice.user)[-1].html)

	def test_a_mismatched_payment_is_not_reported_as_not_charged(self):
		emails.payment_failed(invoice := self.failed_invoice("Failed", needs_review=1))
		html = mails_to(invoice.user)[-1].html
		self.assertNotIn("You were not charged", html)
		self.assertIn("Please do not pay again", html)
		self.assertNotIn("Try again", html)

	def test_the_mail_after_the_last_retry_offers_contact_instead_of_a_retry(self):
		invoice = self.failed_invoice("Failed", retry_count=99)
		emails.payment_failed(invoice)
		html = mails_to(invoice.user)[-1].html
		self.assertNotIn("/checkout", html)
		self.assertNotIn("/p/", html)

	def test_an_abandoned_payment_gets_its_own_text(self):
		invoice = self.failed_invoice("Abandoned")
		emails.payment_abandoned(invoice)
		self.assertEqual(mails_to(invoice.user)[-1].subject, f"Your invoice {invoice.name} is still open")

	def test_who_may_have_been_charged_before_is_not_asked_to_pay_what_was_abandoned(self):
		invoice = self.failed_invoice("Abandoned", needs_review=1)
		emails.payment_abandoned(invoice)
		html = mails_to(invoice.user)[-1].html
		self.assertIn("Please do not pay again until then", html)
		self.assertNotIn("you were not charged", html)
		self.assertNotIn("/checkout", html)

	def test_a_customer_gets_one_mail_about_an_abandoned_invoice(self):
		journey = Journey("payu")
		journey.start()
		make_due(journey.invoice)
		with queued() as calls:
			abandonment.abandon_due(30)
			abandonment.abandon_due(30)
		attempts = [name for call in calls for name in call.get("attempts", ())]
		self.assertEqual([name for name in attempts if name in journey.attempts()], journey.attempts())
		notification_hooks.payments_failed(journey.attempts())
		self.assertEqual(mails_to(journey.user)[-1].subject, f"Your invoice {journey.invoice} is still open")

	def test_the_mail_about_a_new_key_does_not_contain_the_key(self):
		subscription = create_active_subscription(customer())
		key = frappe.get_doc("AI API Key", subscription.api_key_link)
		emails.key_changed(subscription, key, "replaced")
		sent = mails_to(subscription.user)[-1]
		self.assertEqual(sent.subject, "Your API key was changed")
		self.assertNotIn("oro_", sent.html)

	def test_reminders_before_and_after_the_end_have_different_texts(self):
		subscription = create_active_subscription(customer())
		emails.renewal_due(subscription, 3)
		emails.renewal_due(subscription, -1)
		subjects = [mail.subject for mail in mails_to(subscription.user)]
		self.assertEqual(subjects[-2:], ["Please renew Starter", "Starter has ended"])

	def test_the_reminder_of_a_trial_offers_to_subscribe_and_not_to_renew(self):
		user, plan = customer(), create_plan(trial_days=7)
		name = lifecycle.subscribe(user, plan.name, None)["subscription_id"]
		trial = frappe.get_doc("AI Subscription", name)
		self.assertEqual(trial.status, "Trial")
		emails.renewal_due(trial, 3)
		emails.renewal_due(trial, -1)
		for sent in mails_to(user)[-2:]:
			self.assertIn("trial of Starter", sent.subject)
			self.assertIn("Subscribe now", sent.html)
			self.assertNotIn("enew", sent.html)

	def test_repeated_sweeps_send_a_reminder_once(self):
		subscription = create_active_subscription(customer())
		frappe.db.set_value("AI Subscription", subscription.name, "end_date", today())
		with queued() as calls:
			subscription_jobs._remind(subscription.name, today(), 0)
			subscription_jobs._remind(subscription.name, today(), 0)
		self.assertEqual([call["days"] for call in calls], [0])

	def failed_invoice(self, status: str, **values):
		invoice = create_invoice(customer())
		values = {"status": status, "failure_reason": "The bank said no.", **values}
		frappe.db.set_value("AI Invoice", invoice.name, values)
		return invoice.reload()


class TestTemplates(MailCase):
	def test_installation_creates_an_editable_template_for_every_mail(self):
		for name, _subject in mail_templates.TEXTS.values():
			self.assertTrue(frappe.db.exists("Email Template", name), name)

	def test_an_edited_template_is_used_and_never_overwritten(self):
		with edited("api_key_changed", "Hi {{ customer }}", "<p>{{ plan }} has a new key</p>"):
			mail_templates.ensure_records()
			subject, html = mail_templates.render(
				"api_key_changed", "en", {"customer": "Asha", "plan": "Pro"}
			)
		self.assertEqual((subject, html), ("Hi Asha", "<p>Pro has a new key</p>"))

	def test_a_template_in_the_language_of_the_customer_is_preferred(self):
		name = f"{mail_templates.TEXTS['refund_sent'][0]} (hi)"
		doc = frappe.new_doc("Email Template")
		doc.update({"name": name, "subject": "Wapas", "use_html": 1, "response_html": "<p>{{ amount }}</p>"})
		doc.insert(ignore_permissions=True)
		try:
			self.assertEqual(
				mail_templates.render("refund_sent", "hi", {"amount": "5"}), ("Wapas", "<p>5</p>")
			)
			self.assertNotEqual(mail_templates.render("refund_sent", "en", {"amount": "5"})[0], "Wapas")
		finally:
			frappe.delete_doc("Email Template", name, force=True)

	def test_dates_follow_the_language_of_the_template(self):
		"""Otherwise an English sentence would contain a Hindi month."""
		self.assertEqual(mail_templates.language_of("refund_sent", "hi"), "en")
		with edited("refund_sent", "Refund", "<p>{{ amount }}</p>"):
			site = frappe.get_system_settings("language") or "en"
			self.assertEqual(mail_templates.language_of("refund_sent", "hi"), site)

	def test_a_missing_seller_name_leaves_no_gap_in_the_text(self):
		for key in mail_templates.TEXTS:
			_subject, html = mail_templates.render(key, "en", {"seller": "", "summary": "Made up."})
			self.assertNotIn("<p></p>", html, key)
		_subject, html = mail_templates.render("refund_sent", "en", {"seller": "Example & Sons"})
		self.assertIn("<p>Example &amp; Sons</p>", html)

	def test_a_template_cannot_access_the_database_or_python(self):
		"""S29."""
		for attack in (
			"{{ frappe.db.sql('select 1') }}",
			"{{ customer.__class__.__mro__ }}",
			"{{ ''.format.__globals__ }}",
		):
			with self.subTest(attack), edited("api_key_changed", "Safe", f"<p>x{attack}</p>"):
				subject, html = mail_templates.render("api_key_changed", "en", {"customer": "Asha"})
				self.assertNotIn("class", html.replace("classes", ""))
				self.assertIn(subject, ("Safe", "Your API key was changed"))

	def test_a_broken_template_falls_back_to_the_default_text(self):
		with edited("payment_failed", "{{ oops", "<p>{{ 1 / 0 }}</p>"):
			subject, _html = mail_templates.render("payment_failed", "en", {"invoice": "INV-1"})
		self.assertEqual(subject, "Your payment was not completed: INV-1")

	def test_text_typed_by_a_customer_is_escaped(self):
		"""S29."""
		_subject, html = mail_templates.render("payment_received", "en", {"customer": "<b>Asha</b>"})
		self.assertIn("&lt;b&gt;Asha", html)


class queued:
	"""Collects jobs instead of queueing them."""

	def __enter__(self) -> list[dict]:
		self.before, calls = frappe.enqueue, []
		frappe.enqueue = lambda method, **arguments: calls.append({"method": method, **arguments})
		return calls

	def __exit__(self, *error):
		frappe.enqueue = self.before


class edited:
	"""Changes an Email Template for a while."""

	def __init__(self, key: str, subject: str, body: str):
		self.name = mail_templates.TEXTS[key][0]
		self.values = {"subject": subject, "use_html": 1, "response_html": body}

	def __enter__(self):
		self.before = frappe.db.get_value("Email Template", self.name, list(self.values), as_dict=True)
		self._write(self.values)

	def __exit__(self, *error):
		self._write(self.before)

	def _write(self, values: dict):
		frappe.db.set_value("Email Template", self.name, dict(values))
		frappe.clear_document_cache("Email Template", self.name)
