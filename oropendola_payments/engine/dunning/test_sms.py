"""Reminders by SMS: with a text that operators deliver, and only to who wants them."""

import frappe

from oropendola_payments.engine.dunning import opt_out, planning
from oropendola_payments.engine.dunning.test_dunning import DunningCase
from oropendola_payments.engine.link_checkout.send import SMS_PER_PHONE
from oropendola_payments.engine.phone import sms
from oropendola_payments.tests.support.factories import (
	create_invoice,
	create_user,
	forget_counters,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.http import send
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.outbox import replaced
from oropendola_payments.tests.support.sms import UNREACHABLE, new_phone, sms_settings


class TestSms(DunningCase):
	def setUp(self):
		super().setUp()
		forget_counters()
		self.settings = frappe.get_doc("Payment Settings")
		self.addCleanup(self.set_steps)
		self.set_steps({"failure_class": "Soft", "wait_hours": 5, "channel": "SMS"})
		self.sent: list[tuple] = []
		self.enterContext(sms_settings(UNREACHABLE))
		self.enterContext(replaced(sms, "send", lambda *message: self.sent.append(message)))

	def set_steps(self, *steps: dict):
		self.settings.reload()
		self.settings.set("reminder_steps", list(steps))
		self.settings.save()

	def reminded(self) -> Journey:
		journey = self.failed()
		planning.plan_all()
		self.send(journey.invoice)
		return journey

	def test_an_sms_has_the_text_of_payment_settings_and_the_number_with_its_country(self):
		phone = new_phone()
		frappe.db.set_value("User", self.user, "mobile_no", f"{phone[-10:-5]} {phone[-5:]}")
		with payment_settings(link_sms_message="Dear customer, pay {amount} at {link}"):
			self.reminded()
		((number, text),) = self.sent
		self.assertEqual(number, phone)
		self.assertRegex(text, r"^Dear customer, pay USD 499\.00 at http\S+/p/[\w-]{43}$")

	def test_without_a_provider_an_sms_waits_and_does_not_count_as_sent(self):
		with sms_settings(""):
			invoice = self.reminded().invoice
		self.assertEqual(self.reminders(invoice)[0].status, "Planned")
		self.send(invoice)
		self.assertEqual((len(self.sent), self.reminders(invoice)[0].status), (1, "Sent"))

	def test_an_email_does_not_wait_for_an_sms_that_the_site_cannot_send(self):
		self.set_steps(
			{"failure_class": "Soft", "wait_hours": 5, "channel": "SMS"},
			{"failure_class": "Soft", "wait_hours": 30, "channel": "Email"},
		)
		with sms_settings(""):
			invoice = self.failed().invoice
			planning.plan_all()
			self.send(invoice, step=2)
		self.assertEqual([row.status for row in self.reminders(invoice)], ["Planned", "Sent"])

	def test_a_profile_without_a_real_number_stops_an_sms(self):
		frappe.db.set_value("User", self.user, "mobile_no", unique("ask my secretary"))
		invoice = self.reminded().invoice
		self.assertEqual((self.sent, self.reminders(invoice)[0].stop_reason), ([], "no_phone"))

	def reminded_by(self, phone: str) -> str:
		"""The invoice of another customer with this number, who is reminded."""
		self.user = create_user()
		# Not in `mobile_no`, which no two users share.
		frappe.db.set_value("User", self.user, {"mobile_no": None, "phone": phone})
		return self.reminded().invoice

	def status(self, invoice: str) -> str:
		return self.reminders(invoice)[0].status

	def test_one_phone_gets_few_reminders_however_many_customers_have_it(self):
		"""S30: customers choose the number in their profile."""
		phone = new_phone()
		invoices = [self.reminded_by(phone) for _customer in range(SMS_PER_PHONE + 1)]
		self.assertEqual([self.status(name) for name in invoices], ["Sent"] * SMS_PER_PHONE + ["Planned"])
		self.assertEqual(len(self.sent), SMS_PER_PHONE)
		self.assertEqual(self.status(self.reminded_by(new_phone())), "Sent")

	def test_the_limit_of_the_site_holds_for_reminders(self):
		"""S30: at the seller's cost."""
		with payment_settings(otp_per_site_hour=1):
			self.assertEqual(self.status(self.reminded_by(new_phone())), "Sent")
			later = self.reminded_by(new_phone())
			self.assertEqual((self.status(later), len(self.sent)), ("Planned", 1))
		self.send(later)
		self.assertEqual(self.status(later), "Sent")

	def test_a_reminder_that_is_not_sent_does_not_count(self):
		phone = new_phone()
		with sms_settings(""):
			waiting = self.reminded_by(phone)
			for _time in range(SMS_PER_PHONE):
				self.send(waiting)
		self.send(waiting)
		self.assertEqual(self.status(waiting), "Sent")

	def test_who_wants_no_reminders_on_a_page_gets_no_sms_either(self):
		invoice = create_invoice(self.user).name
		link = opt_out.address(invoice, "Email").partition("/reminders")[2]
		html = {"Accept": "text/html"}
		for press in (
			lambda: send("POST", f"/reminders{link}", headers=html),
			lambda: send("POST", "/billing", self.user, data={"action": "stop_reminders"}, headers=html),
		):
			press()
			self.assertEqual(self.reminders(self.reminded().invoice)[0].stop_reason, "opted_out")
			send("POST", "/billing", self.user, data={"action": "start_reminders"}, headers=html)
			self.assertFalse(opt_out.has_opted_out(self.user, "SMS"))
