"""The shop's own code: what it is good for, how long, how often."""

import re
import threading
from dataclasses import replace
from decimal import Decimal

import frappe

from oropendola_payments.compat import TestCase
from oropendola_payments.engine import otp
from oropendola_payments.exceptions import Refusal, TooManyRequests
from oropendola_payments.tests.factories import unique
from oropendola_payments.tests.sms import new_phone, sms_provider, write_sms_settings


class TestOneTimeCodes(TestCase):
	def setUp(self):
		self.bound = otp.Bound("test", unique("order"), Decimal("499"), "INR", new_phone())
		frappe.local.request_ip = f"198.51.100.{frappe.generate_hash(length=8)}"

	def send(self, bound=None):
		return otp.send(bound or self.bound, simulated=True)["test_otp"]

	def changed(self, **values):
		return replace(self.bound, **values)

	def test_a_code_works_once(self):
		code = self.send()
		otp.check(self.bound, code)
		with self.assertRaises(otp.CodeRefused):
			otp.check(self.bound, code)

	def test_five_wrong_tries_block_the_right_code_too(self):
		code = self.send()
		for left in (4, 3, 2, 1, 0):
			with self.assertRaises(otp.CodeRefused) as refusal:
				otp.check(self.bound, "999999")
			self.assertEqual(refusal.exception.attempts_left, left)
		with self.assertRaises(otp.CodeRefused):
			otp.check(self.bound, code)

	def test_a_code_is_bound_to_order_amount_and_phone(self):
		code = self.send()
		for changed in (
			{"reference": "other"},
			{"amount": Decimal("1")},
			{"phone": new_phone()},
			{"currency": "USD"},
		):
			with self.assertRaises(otp.CodeRefused):
				otp.check(self.changed(**changed), code)

	def test_an_expired_code_is_refused(self):
		code = self.send()
		frappe.cache.expire(otp._key(self.bound), 0)
		with self.assertRaises(otp.CodeRefused):
			otp.check(self.bound, code)

	def test_a_second_code_within_the_pause_is_refused(self):
		self.send()
		with self.assertRaises(TooManyRequests):
			self.send()

	def test_a_phone_has_three_codes_an_hour_from_any_address(self):
		for number in range(3):
			frappe.local.request_ip = f"203.0.113.{number}-{unique('a')}"
			self.skip_the_pause()
			self.send(self.changed(reference=unique("order")))
		self.skip_the_pause()
		with self.assertRaises(TooManyRequests):
			self.send(self.changed(reference=unique("order")))

	def test_an_address_cannot_ask_for_many_phones(self):
		for _number in range(10):
			self.send(self.changed(phone=new_phone()))
		with self.assertRaises(TooManyRequests):
			self.send(self.changed(phone=new_phone()))

	def test_of_two_parallel_checks_of_one_code_only_one_passes(self):
		code, passed, site, path = self.send(), [], frappe.local.site, frappe.local.sites_path
		address = frappe.local.request_ip

		def check():
			frappe.init(site=site, sites_path=path)
			frappe.connect()
			frappe.local.request_ip = address
			try:
				otp.check(self.bound, code)
				passed.append(1)
			except Refusal:
				pass
			finally:
				frappe.destroy()

		threads = [threading.Thread(target=check) for _number in range(2)]
		for thread in threads:
			thread.start()
		for thread in threads:
			thread.join()
		self.assertEqual(len(passed), 1)

	def test_the_code_is_not_kept_in_clear(self):
		code = self.send()
		self.assertNotIn(code, str(frappe.cache.get(otp._key(self.bound))))

	def test_without_an_sms_provider_the_answer_says_so(self):
		write_sms_settings({"sms_gateway_url": ""})
		with self.assertRaisesRegex(Refusal, "SMS Settings"):
			otp.send(self.bound, simulated=False)

	def test_the_sms_reaches_the_provider_and_its_code_nothing_else(self):
		with sms_provider() as received:
			answer = otp.send(self.bound, simulated=False)
		code = re.search(r"\d{6}", received[0]["message"]).group()
		self.assertEqual(received[0]["to"], self.bound.phone)
		self.assertNotIn("test_otp", answer)
		self.assertNotIn(code, str(answer))
		otp.check(self.bound, code)
		logs = frappe.get_all("Error Log", fields=["error"], limit=20, order_by="creation desc")
		self.assertNotIn(code, str(logs))
		if frappe.db.table_exists("SMS Log"):
			self.assertFalse(frappe.get_all("SMS Log", {"sent_to": ("like", f"%{self.bound.phone}%")}))

	def test_a_provider_that_fails_is_told_without_the_code(self):
		with (
			sms_provider(status=500) as received,
			self.assertRaisesRegex(Refusal, "could not be sent") as refusal,
		):
			otp.send(self.bound, simulated=False)
		code = re.search(r"\d{6}", received[0]["message"]).group()
		last = frappe.get_all(
			"Error Log", {"method": "SMS could not be sent"}, ["error"], order_by="creation desc", limit=1
		)
		self.assertIn("500", last[0].error)
		self.assertNotIn(code, str(refusal.exception) + last[0].error)

	def test_one_phone_has_one_form_however_it_is_typed(self):
		forms = {
			otp.phone_number(text)
			for text in ("9876543210", "+91 98765 43210", "098765-43210", "+919876543210")
		}
		self.assertEqual(forms, {"+919876543210"})

	def test_what_is_no_phone_number_is_refused(self):
		for text in ("12", "abc", "+1234", "", "9" * 40):
			with self.assertRaises(Refusal):
				otp.phone_number(text)

	def skip_the_pause(self):
		frappe.cache.delete(otp._counter("pause", self.bound.phone))
