"""Our own codes by SMS: what they confirm, how long they are valid, how often they are sent."""

import json
import re
import secrets
import threading
import traceback
from dataclasses import replace
from decimal import Decimal
from hmac import compare_digest
from unittest.mock import patch

import frappe
from frappe.utils import cint

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.engine.core.counters import COUNTER, counter_name
from oropendola_payments.engine.core.test_redaction import found_in_logs, found_in_tables, log_sizes
from oropendola_payments.engine.phone import numbers, otp
from oropendola_payments.exceptions import Refusal, TooManyRequests, Unavailable
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import end_window, payment_settings, unique
from oropendola_payments.tests.support.sms import (
	UNREACHABLE,
	new_phone,
	sms_provider,
	sms_settings,
	write_sms_settings,
)

BAD_TEXTS = (
	"Your code is on its way.",
	"{amount} to {shop}",
	"{code} for {order}",
	"{code} {}",
	"{code",
	"code}",
	"{code:d}",
	"{code.__class__}",
	"{code[0]}",
	"{{code}}",
)


class TestOneTimeCodes(TestCase):
	def setUp(self):
		self.bound = otp.Binding("test", unique("order"), Decimal("499"), "INR", new_phone())
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

	def test_five_wrong_codes_block_the_right_one_too(self):
		"""S30."""
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

	def test_the_code_expires_after_the_minutes_in_the_settings(self):
		self.send()
		self.assertAlmostEqual(frappe.cache.ttl(otp._key(self.bound)), 600, delta=5)
		with payment_settings(otp_expiry_minutes=3):
			answer = otp.send(self.changed(phone=new_phone()), simulated=True)
		self.assertEqual(answer["otp_expires_in_minutes"], 3)

	def test_a_new_code_invalidates_the_old_one(self):
		with sms_provider() as received:
			otp.send(self.bound, simulated=False)
			with self.assertRaises(otp.CodeRefused):
				otp.check(self.bound, "x")
			self.skip_the_pause()
			otp.send(self.bound, simulated=False)
		old, new = codes_in(received)
		if old != new:
			with self.assertRaises(otp.CodeRefused) as refusal:
				otp.check(self.bound, old)
			self.assertEqual(refusal.exception.attempts_left, 4, "the tries count anew")
		otp.check(self.bound, new)

	def test_codes_come_from_the_secure_random_generator(self):
		"""S21: not the same for all, and leading zeros are kept."""
		with sms_provider() as received, patch.object(otp.secrets, "randbelow", return_value=7) as drawn:
			otp.send(self.bound, simulated=False)
		drawn.assert_called_once_with(10**6)
		self.assertEqual(codes_in(received), ["000007"])

	def test_the_stored_hash_differs_for_each_code_and_for_each_secret(self):
		self.assertNotEqual(otp._digest(self.bound, "123456", "a"), otp._digest(self.bound, "123456", "b"))
		self.send()
		first = json.loads(frappe.cache.get(otp._key(self.bound)))
		self.skip_the_pause()
		self.send()
		second = json.loads(frappe.cache.get(otp._key(self.bound)))
		self.assertNotEqual(first["salt"], second["salt"])
		self.assertNotEqual(first["digest"], second["digest"])
		self.assertGreaterEqual(len(first["salt"]), 32)
		another_key = patch.object(otp, "get_encryption_key", return_value="another")
		with another_key, self.assertRaises(otp.CodeRefused):
			otp.check(self.bound, otp.SIMULATOR_CODE)
		otp.check(self.bound, otp.SIMULATOR_CODE)

	def test_a_site_sends_no_more_codes_an_hour_than_its_settings_say(self):
		sent = cint(frappe.db.get_value(COUNTER, counter_name("otp:site", "all"), "count"))
		with payment_settings(otp_per_site_hour=sent + 2):
			for _number in range(2):
				self.send_to_somebody_else()
			with self.assertRaises(TooManyRequests):
				self.send_to_somebody_else()

	def send_to_somebody_else(self):
		frappe.local.request_ip = unique("address")
		self.send(self.changed(phone=new_phone()))

	def test_one_ip_address_cannot_try_many_codes(self):
		for _number in range(otp.CHECKS_PER_ADDRESS[0]):
			with self.assertRaises(otp.CodeRefused):
				otp.check(self.changed(reference=unique("order")), "000000")
		code = self.send()
		with self.assertRaises(TooManyRequests):
			otp.check(self.bound, code)
		frappe.local.request_ip = unique("address")
		otp.check(self.bound, code)

	def test_a_phone_gets_three_codes_an_hour_from_all_ip_addresses(self):
		"""S30."""
		for number in range(3):
			frappe.local.request_ip = f"203.0.113.{number}-{unique('a')}"
			self.skip_the_pause()
			self.send(self.changed(reference=unique("order")))
		self.skip_the_pause()
		with self.assertRaises(TooManyRequests):
			self.send(self.changed(reference=unique("order")))

	def test_one_ip_address_cannot_request_codes_for_many_phones(self):
		"""S30."""
		for _number in range(10):
			self.send(self.changed(phone=new_phone()))
		with self.assertRaises(TooManyRequests):
			self.send(self.changed(phone=new_phone()))

	def test_of_two_parallel_checks_of_one_code_only_one_passes(self):
		code, passed, site, path = self.send(), [], frappe.local.site, frappe.local.sites_path
		address, both = frappe.local.request_ip, threading.Barrier(2, timeout=20)

		def compare_together(one, other):
			both.wait()  # both have read the stored hash and counted their attempt
			return compare_digest(one, other)

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
		with patch.object(otp.hmac, "compare_digest", compare_together):
			for thread in threads:
				thread.start()
			for thread in threads:
				thread.join()
		self.assertEqual(len(passed), 1)

	def test_the_code_is_not_stored_in_plain_text(self):
		code = self.send()
		self.assertNotIn(code, str(frappe.cache.get(otp._key(self.bound))))

	def test_without_an_sms_provider_the_answer_says_so(self):
		write_sms_settings({"sms_gateway_url": ""})
		with self.assertRaisesRegex(Refusal, "SMS Settings"):
			otp.send(self.bound, simulated=False)

	def test_a_sent_code_is_neither_logged_nor_returned(self):
		since, sizes = frappe.utils.now(), log_sizes()
		with sms_provider() as received:
			answer = otp.send(self.bound, simulated=False)
		(code,) = codes_in(received)
		self.assertEqual(received[0]["to"], self.bound.phone)
		self.assertNotIn("test_otp", answer)
		self.assertNotIn(code, str(answer))
		otp.check(self.bound, code)
		self.assert_nowhere(code, since, sizes)

	def test_the_sms_provider_gets_its_parameters_as_form_or_json(self):
		"""docs/sms.md: a parameter row with this header decides."""
		rows = [
			{"parameter": "template", "value": "1107"},
			{"parameter": "X-Key", "value": "k", "header": 1},
		]
		json_row = {"parameter": "Content-Type", "value": "application/json", "header": 1}
		for parameters in (rows, [*rows, json_row]):
			with self.subTest(rows=len(parameters)), sms_provider(parameters=parameters) as received:
				otp.send(self.bound, simulated=False)
			self.assertEqual(received[0].pop("header:X-Key"), "k")
			self.assertEqual(set(received[0]), {"message", "to", "template"})
			self.assertEqual((received[0]["to"], received[0]["template"]), (self.bound.phone, "1107"))
			self.skip_the_pause()

	def test_a_code_that_could_not_be_sent_is_not_logged(self):
		since, sizes = frappe.utils.now(), log_sizes()
		for use_post in (1, 0):
			with sms_provider(status=500, use_post=use_post) as received:
				code = self.fail_to_send()
			self.assertEqual(codes_in(received), [code])
			self.assert_nowhere(code, since, sizes)
		with sms_settings(UNREACHABLE, use_post=0):
			self.assert_nowhere(self.fail_to_send(), since, sizes)
		filters = {"method": "SMS could not be sent", "creation": (">=", since)}
		errors = frappe.get_all("Error Log", filters, pluck="error", order_by="creation")
		self.assertEqual([error.rpartition(" ")[2] for error in errors], ["500", "500", "ConnectionError"])

	def fail_to_send(self) -> str:
		number = 900_000 + secrets.randbelow(100_000)
		with (
			patch.object(otp.secrets, "randbelow", return_value=number),
			self.assertRaisesRegex(Refusal, "could not be sent") as refusal,
		):
			otp.send(self.bound, simulated=False)
		self.assertNotIn(str(number), str(refusal.exception))
		frappe.log_error(
			title="A failed sending", message="".join(traceback.format_exception(refusal.exception))
		)
		self.skip_the_pause()
		return str(number)

	def assert_nowhere(self, code: str, since: str, sizes: dict):
		"""The code is in no table and no log: alone, quoted, in a sentence, or in an address."""
		private = [text.format(code) for text in (" {}", '"{}', "'{}", "={}", "{} is", "{}+is", "{}%20is")]
		self.assertEqual(found_in_tables(since, private), [])
		self.assertEqual(found_in_logs(sizes, private), [])

	def test_a_text_with_unknown_placeholders_is_refused_without_starting_the_pause(self):
		for text in BAD_TEXTS:
			refused = self.assertRaisesRegex(Unavailable, "text")
			with self.subTest(text), payment_settings(otp_message=text), refused:
				self.send()
		self.send()  # the pause has not started

	def test_a_phone_number_is_normalized_however_it_is_typed(self):
		forms = {
			numbers.phone_number(text)
			for text in ("9876543210", "+91 98765 43210", "098765-43210", "+919876543210")
		}
		self.assertEqual(forms, {"+919876543210"})

	def test_text_that_is_no_phone_number_is_refused(self):
		for text in ("12", "abc", "+1234", "", "9" * 40):
			with self.assertRaises(Refusal):
				numbers.phone_number(text)

	def skip_the_pause(self):
		end_window("otp:pause", self.bound.phone)


class TestTextOfTheSms(TestCase):
	def save(self, text: str, **values):
		settings = frappe.get_doc("Payment Settings")
		settings.update({"otp_message": text, **values})
		settings.save(ignore_permissions=True)

	def tearDown(self):
		frappe.db.rollback()
		forget("Payment Settings")

	def test_a_text_with_unknown_placeholders_cannot_be_saved(self):
		for text in BAD_TEXTS:
			with self.subTest(text), self.assertRaisesRegex(frappe.ValidationError, "curly brackets"):
				self.save(text)

	def test_a_text_with_known_placeholders_is_saved_and_filled_in(self):
		for text in ("{code}", "Pay {amount} to {shop}: {code}", "{{{code}}}", ""):
			with self.subTest(text):
				self.save(text)
		self.save("{code} pays {amount} to {shop}.", seller_name="A shop")
		filled = frappe.get_doc("Payment Settings").otp_text("000007", "INR 499.00")
		self.assertEqual(filled, "000007 pays INR 499.00 to A shop.")


def codes_in(received: list[dict]) -> list[str]:
	return [re.search(r"\d{6}", sms["message"]).group() for sms in received]
