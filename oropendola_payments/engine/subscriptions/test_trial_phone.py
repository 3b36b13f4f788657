"""On a site that gives trials for confirmed phone numbers, the number decides and not the account."""

import frappe

from oropendola_payments.api import subscription as api
from oropendola_payments.engine.phone.otp import SIMULATOR_CODE
from oropendola_payments.tests.support.customers import CustomerTestCase
from oropendola_payments.tests.support.factories import (
	create_plan,
	create_user,
	forget_counters,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.pages import page
from oropendola_payments.tests.support.simulated import simulator
from oropendola_payments.tests.support.sms import new_phone


class TestTrialForAPhone(CustomerTestCase):
	def setUp(self):
		super().setUp()
		simulator()
		forget_counters()
		frappe.local.request_ip = unique("address")
		self.enterContext(payment_settings(trial_policy="Per Verified Phone"))
		self.plan, self.phone = create_plan(trial_days=7), new_phone()

	def order(self, **arguments) -> dict:
		return self.call(api.create_subscription_and_invoice, plan_id=self.plan.name, **arguments)

	def send_code(self) -> str:
		forget_counters()
		return self.succeed(api.send_trial_code, plan_id=self.plan.name, phone=self.phone)["test_otp"]

	def test_without_a_confirmed_number_nothing_is_ordered(self):
		for arguments in ({}, {"phone": self.phone}):
			answer = self.order(**arguments)
			self.assertEqual(
				(answer["error_code"], tuple(answer["missing"])), ("phone_not_confirmed", ("phone", "otp"))
			)
		self.assertFalse(frappe.db.exists("AI Subscription", {"user": self.user}))

	def test_the_right_code_starts_the_trial(self):
		answer = self.order(phone=self.phone, otp=self.send_code())
		self.assertEqual((answer["status"], "api_key" in answer), ("Trial", True))
		self.assertTrue(frappe.db.exists("AI Trial Claim", {"user": self.user, "kind": "Phone"}))

	def test_a_wrong_code_or_another_number_orders_nothing(self):
		self.send_code()
		for arguments in (
			{"phone": self.phone, "otp": "654321"},
			{"phone": new_phone(), "otp": SIMULATOR_CODE},
		):
			self.assertEqual(self.order(**arguments)["error_code"], "otp_refused")
		self.assertFalse(frappe.db.exists("AI Subscription", {"user": self.user}))

	def test_another_account_with_the_same_number_buys_at_the_normal_price(self):
		self.order(phone=self.phone, otp=self.send_code())
		self.user = create_user()
		answer = self.order(phone=self.phone, otp=self.send_code())
		self.assertEqual(answer["status"], "Pending")
		self.assertIn("no free trial", answer["notice"])

	def test_who_wants_no_trial_orders_at_once(self):
		answer = self.order(without_trial=True)
		self.assertEqual(answer["status"], "Pending")
		self.assertFalse(frappe.db.exists("AI Trial Claim", {"user": self.user}))

	def test_where_no_code_is_needed_none_is_sent(self):
		with payment_settings(trial_policy="Per Customer"):
			self.refused("conflict", api.send_trial_code, plan_id=self.plan.name, phone=self.phone)
		self.plan = create_plan()
		self.refused("conflict", api.send_trial_code, plan_id=self.plan.name, phone=self.phone)
		self.assertEqual(self.order()["status"], "Pending")

	def test_the_pages_lead_from_the_plan_to_the_trial(self):
		def post(path: str, **data):
			return page(
				path, self.user, method="POST", data={"plan": self.plan.name, "currency": "INR", **data}
			)

		self.assertIn("/trial?plan=", post("/plans").headers["Location"])
		sent = post("/trial", action="send_code", phone=self.phone)
		self.assertIn(SIMULATOR_CODE, sent.text)
		self.assertEqual(post("/trial", action="start", phone=self.phone, otp="000000").status_code, 303)
		self.assertIn(
			"This code is wrong", page(f"/trial?plan={self.plan.name}&currency=INR", self.user).text
		)
		started = post("/trial", action="start", phone=self.phone, otp=SIMULATOR_CODE)
		self.assertEqual(started.headers["Location"].rpartition("/")[2], "billing")
		frappe.db.rollback()
		self.assertEqual(frappe.db.get_value("AI Subscription", {"user": self.user}, "status"), "Trial")

	def test_the_page_lets_customers_order_without_a_trial(self):
		data = {"plan": self.plan.name, "currency": "INR", "action": "without_trial"}
		answer = page("/trial", self.user, method="POST", data=data)
		self.assertIn("/checkout?invoice=", answer.headers["Location"])
