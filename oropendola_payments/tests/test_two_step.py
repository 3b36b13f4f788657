"""Cashfree in two steps with the shop's own code."""

import re
import threading
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

import frappe
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from oropendola_payments.api import cashfree, payment
from oropendola_payments.compat import TestCase
from oropendola_payments.engine import otp
from oropendola_payments.exceptions import Refusal, TooManyRequests
from oropendola_payments.install import API_USER_ROLE
from oropendola_payments.tests.factories import as_user, create_invoice, create_user, enable_gateway, unique
from oropendola_payments.tests.simulated import simulator


def new_phone() -> str:
	return f"+9198{frappe.generate_hash(length=20).translate(str.maketrans('abcdef', '012345'))[:8]}"


@contextmanager
def sms_provider(status: int = 200):
	"""A provider on a free port of this machine, set up in SMS Settings; yields what it received."""
	received = []

	@Request.application
	def provider(request):
		received.append(request.form.to_dict())
		return Response("ok", status=status)

	server = make_server("127.0.0.1", 0, provider, threaded=True)
	thread = threading.Thread(target=server.serve_forever)
	thread.start()
	fields = ("sms_gateway_url", "message_parameter", "receiver_parameter", "use_post")
	before = {field: frappe.db.get_single_value("SMS Settings", field) for field in fields}
	_write_sms_settings(
		dict(zip(fields, (f"http://127.0.0.1:{server.server_port}/", "message", "to", 1), strict=True))
	)
	try:
		yield received
	finally:
		_write_sms_settings(before)
		server.shutdown()
		thread.join()
		server.server_close()


def _write_sms_settings(values: dict):
	for field, value in values.items():
		frappe.db.set_single_value("SMS Settings", field, value)
	frappe.clear_document_cache("SMS Settings", "SMS Settings")
	frappe.db.commit()


class TestTwoStepFlow(TestCase):
	def setUp(self):
		simulator()
		enable_gateway("cashfree")
		self.user = create_user()
		frappe.get_doc("User", self.user).add_roles(API_USER_ROLE)
		self.invoice = create_invoice(self.user)
		frappe.db.commit()
		self.phone = new_phone()
		frappe.local.request_ip = f"198.51.100.{frappe.generate_hash(length=8)}"

	def order(self, **values):
		customer = {
			"customer_name": "Asha",
			"customer_email": "asha@example.com",
			"customer_phone": self.phone,
		}
		with as_user(self.user):
			return cashfree.create_cashfree_order(**{**customer, **values})

	def start(self, order_id: str, phone: str | None = None, method: str = "upi_intent"):
		with as_user(self.user):
			return cashfree.initiate_cashfree_payment(
				order_id=order_id, payment_method=method, phone_number=phone or self.phone
			)

	def confirm(self, order_id: str, code: str = "123456"):
		with as_user(self.user):
			return cashfree.confirm_cashfree_payment(order_id=order_id, otp=code)

	def test_the_right_code_starts_the_payment_and_only_the_gateway_makes_it_paid(self):
		order = self.order()
		self.assertTrue(order["success"], order)
		self.assertEqual(order["amount"], self.invoice.total())
		started = self.start(order["order_id"])
		self.assertTrue(started["otp_sent"], started)
		self.assertEqual(started["otp_expires_in_minutes"], 10)
		self.assertEqual(started["test_otp"], "123456")
		self.assertTrue(started["is_mocked"])
		confirmed = self.confirm(order["order_id"])
		self.assertTrue(confirmed["success"], confirmed)
		self.assertNotEqual(confirmed["payment_status"], "Paid")
		self.assertEqual(confirmed["payment_amount"], self.invoice.total())
		simulator().finish("cashfree", order["order_id"], "success")
		frappe.db.set_value("Payment Attempt", order["order_id"], "last_check_at", None)
		frappe.db.commit()
		with as_user(self.user):
			status = cashfree.get_cashfree_order_status(order_id=order["order_id"])
		self.assertEqual((status["payment_status"], status["invoice_status"]), ("Paid", "Paid"))

	def test_a_right_code_is_no_payment_however_often_it_is_sent(self):
		"""S21: only the gateway's word makes an invoice paid, and real codes are in no answer."""
		order = self.order()["order_id"]
		self.start(order)
		for _time in range(3):
			self.confirm(order)
			self.assertEqual(frappe.db.count("Payment Capture", {"invoice": self.invoice.name}), 0)
			self.assertNotEqual(frappe.db.get_value("Payment Attempt", order, "status"), "Paid")
		simulator().finish("cashfree", order, "failure")
		frappe.db.set_value("Payment Attempt", order, "last_check_at", None)
		frappe.db.commit()
		with as_user(self.user):
			answer = cashfree.get_cashfree_order_status(order_id=order)
		self.assertNotEqual(answer["invoice_status"], "Paid")
		status = frappe.db.get_value("AI Subscription", self.invoice.subscription, "status")
		self.assertEqual(status, "Pending")

	def test_the_amount_comes_from_the_invoice_and_never_from_the_request(self):
		"""S1, S11."""
		refused = self.order(amount=Decimal("1"))
		self.assertEqual((refused["success"], refused["error_code"]), (False, "unprocessable"))
		self.assertEqual(frappe.db.count("Payment Attempt", {"invoice": self.invoice.name}), 0)

	def test_somebody_elses_invoice_and_order_do_not_exist(self):
		other = create_invoice()
		self.assertEqual(self.order(invoice_id=other.name)["error_code"], "not_found")
		order = self.order()
		frappe.get_doc("User", other.user).add_roles(API_USER_ROLE)
		with as_user(other.user):
			refused = cashfree.get_cashfree_order_status(order_id=order["order_id"])
		self.assertEqual(refused["error_code"], "not_found")

	def test_a_user_without_the_role_is_refused(self):
		plain = create_user()
		with as_user(plain):
			refused = cashfree.get_cashfree_order_status(order_id="X")
		self.assertEqual(refused["error_code"], "not_allowed")

	def test_a_wrong_code_starts_nothing(self):
		order = self.order()
		self.start(order["order_id"])
		refused = self.confirm(order["order_id"], "000000")
		self.assertEqual(refused["error_code"], "otp_refused")
		self.assertFalse(frappe.db.get_value("Payment Attempt", order["order_id"], "payment_method"))

	def test_another_phone_than_the_orders_is_refused(self):
		order = self.order()
		self.assertEqual(self.start(order["order_id"], new_phone())["error_code"], "unprocessable")

	def test_card_numbers_are_refused_and_not_kept(self):
		order = self.order()
		with as_user(self.user):
			cashfree.initiate_cashfree_payment(
				order_id=order["order_id"],
				payment_method="saved_card",
				phone_number=self.phone,
				instrument_id="4111111111111111",
			)
		refused = self.confirm(order["order_id"])
		self.assertFalse(refused["success"], refused)
		stored = frappe.as_json(frappe.get_doc("Payment Attempt", order["order_id"]).as_dict())
		self.assertNotIn("4111111111111111", stored)


class TestPhoneFirst(TestCase):
	"""The switch on a gateway's settings: off by default, any gateway."""

	def setUp(self):
		simulator()
		self.addCleanup(enable_gateway, "payu", require_phone_code=0)
		enable_gateway("payu", require_phone_code=1)
		self.invoice = create_invoice()
		frappe.local.request_ip = f"198.51.100.{frappe.generate_hash(length=8)}"

	def initiate(self):
		with as_user(self.invoice.user):
			return payment.initiate_payment(invoice_id=self.invoice.name, gateway="payu")

	def confirm(self, attempt: str, code: str):
		with as_user(self.invoice.user):
			return payment.confirm_otp(attempt=attempt, otp=code)

	def test_the_gateway_is_asked_only_after_the_phone_is_confirmed(self):
		asked = self.initiate()
		self.assertEqual(
			(asked["next_action"], asked["status"], asked["test_otp"]), ("otp", "Created", "123456")
		)
		self.assertEqual(self.confirm(asked["attempt"], "000000")["error_code"], "otp_refused")
		self.assertFalse(frappe.db.get_value("Payment Attempt", asked["attempt"], "checkout_data"))
		opened = self.confirm(asked["attempt"], "123456")
		self.assertTrue(opened["success"], opened)
		self.assertEqual((opened["next_action"], opened["status"]), ("form", "Processing"))

	def test_a_second_click_waits_for_the_same_code(self):
		first, second = self.initiate(), self.initiate()
		self.assertEqual(first["attempt"], second["attempt"])
		self.assertNotIn("otp_sent", second)

	def test_without_a_phone_number_the_answer_says_so(self):
		frappe.db.set_value("User", self.invoice.user, "mobile_no", None)
		frappe.db.commit()
		refused = self.initiate()
		self.assertEqual(refused["error_code"], "unprocessable")
		self.assertIn("phone number", refused["error"])


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
		_write_sms_settings({"sms_gateway_url": ""})
		with self.assertRaisesRegex(Refusal, "SMS Settings"):
			otp.send(self.bound, simulated=False)

	def test_the_sms_reaches_the_provider_and_its_code_nothing_else(self):
		"""S21."""
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
