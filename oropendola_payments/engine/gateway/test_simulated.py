"""Every answer about a simulated payment says that no money moves."""

import frappe

from oropendola_payments.api import payment, refunds
from oropendola_payments.engine.gateway.simulated import mock_marks
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.endpoints import ROWS, OwnerRecords, People, whitelisted
from oropendola_payments.tests.support.factories import (
	as_user,
	create_invoice,
	create_user,
	enable_gateway,
	unique,
)
from oropendola_payments.tests.support.journey import Journey

ABOUT_GATEWAYS = ("payment.", "cashfree.", "refunds.", "admin.ask_gateway")
WITHOUT_GATEWAY = {"payment.get_pending_invoices", "payment.get_parts", "payment.choose_instalments"}
IN_THE_LIST = "payment.get_available_gateways"
TESTED_BELOW = {IN_THE_LIST, "payment.confirm_otp", "payment.resend_otp", "refunds.create_refund"}


class TestSimulatedMarks(TestCase):
	def setUp(self):
		frappe.local.request_ip = unique("address")

	def assert_marked(self, answer: dict, what: str = ""):
		self.assertTrue(answer.get("success", True), answer)
		self.assertIs(answer.get("is_mocked"), True, what)
		self.assertIn("Test or Live", answer.get("mock_notice", ""), what)

	def test_every_answer_about_a_simulated_payment_is_marked(self):
		people, functions = People(), whitelisted()
		rows = [row for row in ROWS if row.endpoint.startswith(ABOUT_GATEWAYS)]
		for row in rows:
			if row.endpoint in WITHOUT_GATEWAY | TESTED_BELOW:
				continue
			who = people.manager if row.endpoint.startswith("admin.") else people.owner
			arguments = row.arguments(OwnerRecords(people))
			with self.subTest(row.endpoint), as_user(who):
				self.assert_marked(functions[row.endpoint](**arguments))

	def test_the_gateway_list_marks_simulated_gateways_only(self):
		enable_gateway("payu")
		entries = {entry["id"]: entry for entry in payment.get_available_gateways()["gateways"]}
		self.assert_marked(entries["payu"])

	def test_answers_about_codes_are_marked(self):
		self.addCleanup(enable_gateway, "payu", require_phone_code=0)
		enable_gateway("payu", require_phone_code=1)
		invoice = create_invoice()
		with as_user(invoice.user):
			asked = payment.initiate_payment(invoice_id=invoice.name, gateway="payu")
			self.assert_marked(asked, "our code is asked for")
			frappe.db.delete("Payment Counter")
			frappe.db.commit()
			self.assert_marked(payment.resend_otp(attempt=asked["attempt"]), "our code again")
			confirmed = payment.confirm_otp(attempt=asked["attempt"], otp="123456")
		self.assert_marked(confirmed, "our code was right")

	def test_answers_about_refunds_are_marked(self):
		journey = Journey("payu")
		journey.deliver_return(journey.customer_pays(journey.start()))
		with as_user(create_user("Payments Manager")):
			self.assert_marked(refunds.create_refund(invoice_id=journey.invoice, reason="A test"))

	def test_real_gateways_and_manual_payments_are_not_marked(self):
		for mode in ("Test", "Live", "", None):
			self.assertEqual(mock_marks(mode), {"is_mocked": False})
