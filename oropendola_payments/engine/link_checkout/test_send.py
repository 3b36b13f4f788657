"""Sending links: to the address and the phone on file only, not too often, and without telling strangers anything."""

import re

import frappe

from oropendola_payments.engine.link_checkout import send
from oropendola_payments.engine.links import create as links
from oropendola_payments.engine.notifications import emails
from oropendola_payments.engine.notifications import hooks as notification_hooks
from oropendola_payments.engine.subscriptions import renewal
from oropendola_payments.exceptions import TooManyRequests, Unavailable, Unprocessable
from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.links import new_link, post, set_status, token_of
from oropendola_payments.tests.support.outbox import mails_stay_queued, mails_to, without_mail
from oropendola_payments.tests.support.pages import page
from oropendola_payments.tests.support.sms import new_phone, sms_provider, sms_settings

ADDRESS = re.compile(r"/p/[\w-]{43}")


class SendCase(TestCase):
	def setUp(self):
		factories.forget_counters()
		self.enterContext(mails_stay_queued())
		self.user = factories.create_user()
		self.invoice = factories.create_invoice(self.user)
		frappe.local.request_ip = f"198.51.100.{frappe.generate_hash(length=8)}"

	def address_in_last_mail(self) -> str | None:
		found = ADDRESS.search(mails_to(self.user)[-1].html)
		return found and found[0]


class TestSending(SendCase):
	def test_the_mail_contains_a_link_that_works(self):
		answer = send.send(self.invoice, "Email", self.user)
		self.assertEqual(page(self.address_in_last_mail()).status_code, 200)
		self.assertIn("₹499.00", mails_to(self.user)[-1].html)
		self.assertEqual(frappe.db.get_value("AI Payment Link", answer["link"], "channel"), "Email")

	def test_the_sms_is_short_and_names_nobody(self):
		phone = new_phone()
		frappe.db.set_value("User", self.user, "mobile_no", phone)
		with sms_provider() as received, factories.payment_settings(seller_name="Example Shop"):
			answer = send.send(self.invoice, "SMS", self.user)
		text = received[0]["message"]
		self.assertRegex(text, r"^Pay INR 499\.00 to Example Shop: https?://\S+/p/[\w-]{43}$")
		self.assertEqual(received[0]["to"], phone)
		self.assertNotIn("Asha", text)
		self.assertTrue(answer["phone"].startswith("***"))

	def test_nothing_is_created_when_nothing_can_be_sent(self):
		frappe.db.set_value("User", self.user, {"mobile_no": None, "phone": None})
		with self.assertRaises(Unprocessable):
			send.send(self.invoice, "SMS", self.user)
		frappe.db.set_value("User", self.user, "mobile_no", new_phone())
		with sms_settings(""), self.assertRaises(Unavailable):
			send.send(self.invoice, "SMS", self.user)
		with without_mail(), self.assertRaises(Unavailable):
			send.send(self.invoice, "Email", self.user)
		self.assertFalse(frappe.db.exists("AI Payment Link", {"invoice": self.invoice.name}))

	def test_one_invoice_is_not_sent_too_often(self):
		for _time in range(send.EMAILS_PER_INVOICE):
			send.send(self.invoice, "Email", self.user)
		with self.assertRaises(TooManyRequests):
			send.send(self.invoice, "Email", self.user)

	def another_invoice(self, phone: str):
		user = factories.create_user()
		frappe.db.set_value("User", user, {"mobile_no": None, "phone": phone})
		return factories.create_invoice(user)

	def test_one_phone_gets_few_links_however_many_invoices_there_are(self):
		"""S30: a customer chooses the number in the profile, and orders as often as they like."""
		phone = new_phone()
		with sms_provider() as received:
			for _time in range(send.SMS_PER_PHONE):
				send.send(self.another_invoice(phone), "SMS", self.user)
			with self.assertRaises(TooManyRequests):
				send.send(self.another_invoice(phone), "SMS", self.user)
			send.send(self.another_invoice(new_phone()), "SMS", self.user)
		self.assertEqual(len(received), send.SMS_PER_PHONE + 1)

	def test_the_whole_site_sends_only_so_many_links_by_sms(self):
		"""S30: at the seller's cost."""
		with sms_provider() as received, factories.payment_settings(otp_per_site_hour=2):
			for _time in range(2):
				send.send(self.another_invoice(new_phone()), "SMS", self.user)
			refused = self.another_invoice(new_phone())
			with self.assertRaises(TooManyRequests):
				send.send(refused, "SMS", self.user)
		self.assertEqual(len(received), 2)
		self.assertFalse(frappe.db.exists("AI Payment Link", {"invoice": refused.name}))

	def test_what_another_limit_refused_counts_neither_for_the_invoice_nor_for_the_phone(self):
		phone = new_phone()
		invoices = [self.another_invoice(phone) for _each in range(2)]
		with sms_provider() as received:
			with factories.payment_settings(otp_per_site_hour=1):
				send.send(self.another_invoice(new_phone()), "SMS", self.user)
				for _time in range(send.SMS_PER_PHONE + 1):
					with self.assertRaises(TooManyRequests):
						send.send(invoices[0], "SMS", self.user)
			for invoice in (*invoices, *invoices):
				send.send(invoice, "SMS", self.user)
		self.assertEqual(len(received), 5)


class TestResending(SendCase):
	def ended_link(self):
		link, path = new_link(self.invoice.name)
		links.revoke(link.name)
		return link, path

	def test_a_new_link_goes_to_the_customer(self):
		link, _path = self.ended_link()
		send.mail_new_link(link.name)
		self.assertEqual(page(self.address_in_last_mail()).status_code, 200)

	def test_the_answer_is_the_same_whether_a_link_was_sent_or_not(self):
		"""S9."""
		_link, path = self.ended_link()
		texts = set()
		for state in ("Pending", "Paid", "Cancelled"):
			set_status(self, self.invoice.name, state)
			answer = post(path, "resend")
			self.assertEqual(answer.status_code, 200)
			texts.add(re.sub(r'nonce="[^"]*"', "", answer.text))
		for _time in range(send.RESENDS_PER_LINK):
			texts.add(re.sub(r'nonce="[^"]*"', "", post(path, "resend").text))
		self.assertEqual(len(texts), 1)
		self.assertIn("If there is still something to pay", texts.pop())

	def test_a_paid_invoice_gets_no_new_link(self):
		link, _path = self.ended_link()
		set_status(self, self.invoice.name, "Paid")
		before = len(mails_to(self.user))
		send.mail_new_link(link.name)
		self.assertEqual(len(mails_to(self.user)), before)

	def test_nobody_gets_a_new_link_while_a_payment_is_reviewed(self):
		"""The customer was asked not to pay again."""
		link, _path = self.ended_link()
		frappe.db.set_value("AI Invoice", self.invoice.name, "needs_review", 1)
		before = len(mails_to(self.user))
		send.mail_new_link(link.name)
		self.assertEqual(len(mails_to(self.user)), before)

	def test_one_network_cannot_have_many_links_sent(self):
		tokens = [token_of(self.ended_link()[1]) for _number in range(send.RESENDS_PER_ADDRESS + 1)]
		for token in tokens[:-1]:
			send.resend(token)
		with self.assertRaises(TooManyRequests):
			send.resend(tokens[-1])


class TestLinksInMails(SendCase):
	def failed(self, **values):
		self.invoice.mark_as_processing()
		self.invoice.mark_as_failed("The bank said no.")
		frappe.db.set_value("AI Invoice", self.invoice.name, values or {"needs_review": 0})
		frappe.db.commit()
		return self.invoice.reload()

	def test_the_mail_about_a_failed_payment_has_a_link_that_pays(self):
		emails.payment_failed(self.failed())
		self.assertEqual(page(self.address_in_last_mail()).status_code, 200)
		row = frappe.db.get_value("AI Payment Link", {"invoice": self.invoice.name}, ["step", "made_by"])
		self.assertEqual(row, ("payment_failed", None))

	def test_a_mail_that_is_switched_off_makes_no_link(self):
		with factories.payment_settings(send_failure_mails=0):
			emails.payment_failed(self.failed())
		self.assertFalse(frappe.db.exists("AI Payment Link", {"invoice": self.invoice.name}))

	def test_an_invoice_under_review_has_no_link_to_pay(self):
		emails.payment_failed(self.failed(needs_review=1))
		self.assertFalse(frappe.db.exists("AI Payment Link", {"invoice": self.invoice.name}))

	def test_without_links_in_mails_they_lead_to_the_checkout(self):
		with factories.payment_settings(link_in_mails=0):
			emails.payment_failed(self.failed())
		self.assertIn(f"/checkout?invoice={self.invoice.name}", mails_to(self.user)[-1].html)

	def test_a_renewal_reminder_pays_the_next_period_if_the_customer_asked_for_it(self):
		subscription = factories.create_active_subscription(self.user)
		notification_hooks.renewal_due(subscription.name, 3)
		self.assertIsNone(self.address_in_last_mail())
		renewal.renew(self.user, subscription_id=subscription.name)
		notification_hooks.renewal_due(subscription.name, 1)
		self.assertIn("₹499.00", page(self.address_in_last_mail()).text)

	def test_a_reminder_creates_no_invoice(self):
		"""A customer who asked for nothing must neither spend credit nor be reminded of a due date."""
		subscription = factories.create_active_subscription(self.user)
		notification_hooks.renewal_due(subscription.name, 3)
		self.assertFalse(
			frappe.db.exists("AI Invoice", {"subscription": subscription.name, "purpose": "Renewal"})
		)

	def test_the_link_of_a_reminder_preselects_the_suggested_gateway(self):
		for code in ("payu", "stripe"):
			factories.enable_gateway(code, require_phone_code=0)
		invoice = self.failed()
		emails.payment_reminder(invoice, "Soft", False, "stripe", "https://example.com/stop")
		path = re.search(r"/p/[\w-]{43}\?gateway=stripe", mails_to(self.user)[-1].html)[0]
		self.assertRegex(page(path).text, r'value="stripe" checked')
