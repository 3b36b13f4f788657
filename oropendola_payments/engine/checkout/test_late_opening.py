"""An order that is opened late, after a code or a lost answer, is opened only if the invoice should still be paid, and in this mode."""

from unittest.mock import patch

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.api import payment
from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.checkout import open_at_gateway
from oropendola_payments.engine.ending import now as ending
from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.inbound.status_query import refresh
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.factories import (
	as_user,
	create_invoice,
	enable_gateway,
	forget_counters,
)
from oropendola_payments.tests.support.simulated import simulator
from oropendola_payments.tests.support.sms import new_phone

CODE = "123456"


class LateCase(TestCase):
	gateway = "razorpay"

	def setUp(self):
		forget_counters()
		self.settings(require_phone_code=1)
		self.addCleanup(enable_gateway, self.gateway, require_phone_code=0)
		self.invoice = create_invoice()
		frappe.db.set_value("User", self.invoice.user, "mobile_no", new_phone())
		frappe.db.commit()

	def settings(self, **values):
		enable_gateway(self.gateway, api_base_url=f"{simulator().url}/{self.gateway}", **values)

	def ask(self, **arguments) -> dict:
		with as_user(self.invoice.user):
			return payment.initiate_payment(invoice_id=self.invoice.name, gateway=self.gateway, **arguments)

	def confirm(self, attempt: str) -> dict:
		with as_user(self.invoice.user):
			return payment.confirm_otp(attempt=attempt, otp=CODE)

	def attempt(self, name: str):
		frappe.db.rollback()
		return frappe.get_doc("Payment Attempt", name)

	def assert_not_opened(self, answer: dict, attempt: str, sentence: str):
		self.assertEqual((answer["success"], answer["error_code"]), (False, "conflict"), answer)
		self.assertIn(sentence, answer["error"])
		found = self.attempt(attempt)
		self.assertEqual(
			(found.status, found.gateway_order_id, found.checkout_data), ("Cancelled", None, None)
		)


class TestAfterACode(LateCase):
	def test_a_code_for_an_invoice_that_was_paid_meanwhile_opens_nothing(self):
		waiting = self.ask()["attempt"]
		pay(self.invoice.name)
		self.assert_not_opened(self.confirm(waiting), waiting, "already paid")
		self.assertEqual(frappe.db.get_value("AI Invoice", self.invoice.name, "status"), "Paid")

	def test_a_code_for_an_invoice_whose_money_is_in_transit_opens_nothing(self):
		waiting = self.ask()["attempt"]
		enable_gateway("stripe")
		started = checkout.initiate(self.invoice.user, self.invoice.name, "stripe")["attempt"]
		simulator().pay("stripe", started, outcome="pending")
		refresh(started)
		past = add_to_date(now_datetime(), hours=-1)
		frappe.db.set_value(
			"Payment Attempt", started, "expires_at", past
		)  # so that there is nothing to close
		frappe.db.commit()
		self.assert_not_opened(self.confirm(waiting), waiting, "do not need to pay again")
		self.assertEqual(self.attempt(started).status, "Processing")

	def test_a_code_for_a_subscription_that_ended_meanwhile_opens_nothing(self):
		waiting = self.ask()["attempt"]
		ending.end(self.invoice.subscription)
		self.assert_not_opened(self.confirm(waiting), waiting, "cancelled")

	def test_a_code_after_the_mode_was_changed_opens_nothing_in_the_other_account(self):
		waiting = self.ask()["attempt"]
		keys = {
			"key_id": "rzp_test_Abc123Def456Gh",
			"key_secret": "a made-up secret",
			"webhook_secret": "another",
		}
		self.settings(mode="Test", **keys)
		self.addCleanup(enable_gateway, self.gateway)
		self.assert_not_opened(self.confirm(waiting), waiting, "start the payment again")
		enable_gateway(self.gateway, require_phone_code=0)
		self.settings(require_phone_code=0)
		again = self.ask()
		self.assertNotEqual(again["attempt"], waiting)
		self.assertTrue(again["payment_url"])

	def test_a_code_in_time_opens_the_order(self):
		waiting = self.ask()["attempt"]
		self.assertTrue(self.confirm(waiting)["payment_url"])
		self.assertEqual(self.attempt(waiting).status, "Processing")


class TestDuringTheCall(LateCase):
	gateway = "stripe"

	def setUp(self):
		super().setUp()
		self.settings(require_phone_code=0)

	def test_an_order_that_was_opened_while_somebody_paid_is_closed_and_nobody_is_sent_there(self):
		def paid_meanwhile(*arguments):
			opened = call_gateway(*arguments)
			pay(self.invoice.name)
			return opened

		with patch.object(open_at_gateway, "call_gateway", paid_meanwhile):
			answer = self.ask()
		self.assertEqual((answer["success"], answer["error_code"]), (False, "conflict"))
		self.assertNotIn("payment_url", answer)
		(name,) = frappe.get_all(
			"Payment Attempt", {"invoice": self.invoice.name, "gateway": self.gateway}, pluck="name"
		)
		self.assertEqual(self.attempt(name).status, "Cancelled")
