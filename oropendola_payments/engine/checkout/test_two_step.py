"""The two-step flow of Cashfree with our own code by SMS."""

from decimal import Decimal
from unittest.mock import patch

import frappe

from oropendola_payments.api import cashfree, payment
from oropendola_payments.engine.checkout import two_step
from oropendola_payments.engine.phone import otp
from oropendola_payments.roles import TRANSACT
from oropendola_payments.simulator.providers.cashfree.order_pay import OTP
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.encryption import another_encryption_key
from oropendola_payments.tests.support.factories import (
	as_user,
	create_invoice,
	create_user,
	enable_gateway,
	forget_counters,
)
from oropendola_payments.tests.support.http import call, message
from oropendola_payments.tests.support.simulated import simulator
from oropendola_payments.tests.support.sms import new_phone


class TestTwoStepFlow(TestCase):
	def setUp(self):
		forget_counters()
		simulator()
		enable_gateway("cashfree")
		self.user = create_user()
		frappe.get_doc("User", self.user).add_roles(TRANSACT)
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

	def start(self, order_id: str, phone: str | None = None, method: str = "upi_intent", **details):
		with as_user(self.user):
			return cashfree.initiate_cashfree_payment(
				order_id=order_id, payment_method=method, phone_number=phone or self.phone, **details
			)

	def confirm(self, order_id: str, code: str = "123456"):
		with as_user(self.user):
			return cashfree.confirm_cashfree_payment(order_id=order_id, otp=code)

	def test_the_right_code_starts_the_payment_and_only_the_gateway_confirms_it(self):
		"""cashfree.md pitfall 8: a correct code of ours does not confirm a payment."""
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

	def test_an_order_from_before_another_encryption_key_asks_for_a_new_code(self):
		order = self.order()
		self.assertTrue(self.start(order["order_id"])["success"])
		with another_encryption_key():
			refused = self.confirm(order["order_id"])
			self.assertEqual((refused["success"], refused["error_code"]), (False, "otp_refused"))

	def test_all_four_answers_use_the_words_of_cashfree_and_ours(self):
		"""Statuses and amounts under both names, and `UPI` in any case for the method."""
		order = self.order()
		self.assertTrue(order["payment_session_id"], order)
		answers = [order, self.start(order["order_id"], method="UPI"), self.confirm(order["order_id"])]
		for answer in answers:
			self.assertEqual((answer["order_status"], answer["payment_status"]), ("ACTIVE", "Processing"))
		simulator().finish("cashfree", order["order_id"], "success")
		frappe.db.set_value("Payment Attempt", order["order_id"], "last_check_at", None)
		frappe.db.commit()
		with as_user(self.user):
			answers.append(cashfree.get_cashfree_order_status(order_id=order["order_id"]))
		self.assertEqual((answers[-1]["order_status"], answers[-1]["payment_status"]), ("PAID", "Paid"))
		for answer in answers:
			amounts = (answer["order_amount"], answer["payment_amount"], answer["currency"])
			self.assertEqual(amounts, (self.invoice.total(), self.invoice.total(), "INR"))
		fields = ["payment_method", "requested_method"]
		stored = frappe.db.get_value("Payment Attempt", order["order_id"], fields)
		self.assertEqual(stored, ("upi", "upi_intent"))

	def test_upi_is_accepted_in_any_case(self):
		for method in ("upi", "Upi", "UPI_INTENT"):
			self.user = create_user(TRANSACT)
			self.invoice, self.phone = create_invoice(self.user), new_phone()
			self.assertTrue(self.start(self.order()["order_id"], method=method)["success"], method)

	def test_an_order_that_ended_says_so_in_the_words_of_cashfree(self):
		for ours, theirs in (("Cancelled", "TERMINATED"), ("Failed", "TERMINATED"), ("Expired", "EXPIRED")):
			order = self.order()["order_id"]
			frappe.db.set_value("Payment Attempt", order, "status", ours)
			frappe.db.commit()
			with as_user(self.user):
				answer = cashfree.get_cashfree_order_status(order_id=order)
			self.assertEqual((answer["order_status"], answer["payment_status"]), (theirs, ours))

	def test_a_right_code_is_no_payment_however_often_it_is_sent(self):
		"""S21: only the gateway confirms a payment, and no answer contains a real code."""
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

	def test_invoices_and_orders_of_other_users_are_not_found(self):
		other = create_invoice()
		self.assertEqual(self.order(invoice_id=other.name)["error_code"], "not_found")
		order = self.order()
		frappe.get_doc("User", other.user).add_roles(TRANSACT)
		with as_user(other.user):
			refused = cashfree.get_cashfree_order_status(order_id=order["order_id"])
		self.assertEqual(refused["error_code"], "not_found")

	def test_a_user_without_the_role_is_refused(self):
		plain = create_user()
		with as_user(plain):
			refused = cashfree.get_cashfree_order_status(order_id="X")
		self.assertEqual(refused["error_code"], "not_allowed")

	def test_every_wrong_code_is_refused_with_the_same_message(self):
		wrong, reused, expired, exhausted, others = (self.started_order() for _number in range(5))
		self.confirm(reused)
		frappe.cache.expire(otp._key(self.bound(expired)), 0)
		replies = [self.confirm(wrong, "000000"), self.confirm(reused), self.confirm(expired)]
		lefts = [self.confirm(exhausted, "000000")["attempts_left"] for _number in range(otp.MAX_TRIES)]
		self.assertEqual(lefts, [4, 3, 2, 1, 0])
		replies += [self.confirm(exhausted), self.confirm(exhausted)]
		with patch.object(otp, "SIMULATOR_CODE", "654321"):
			another = self.started_order()
		replies += [
			self.confirm(others, "654321"),
			self.confirm(another),
			self.confirm(self.new_order()["order_id"]),
		]
		self.assertEqual(
			{(row["error"], row["error_code"]) for row in replies}, {(replies[0]["error"], "otp_refused")}
		)
		self.assertEqual([row.get("attempts_left") for row in replies], [4, None, None, 0, 0, 4, 4, None])
		for order in (wrong, expired, exhausted, others, another):
			self.assertFalse(frappe.db.get_value("Payment Attempt", order, "payment_method"), order)

	def test_over_http_a_wrong_code_is_a_422_and_the_right_one_starts_the_payment(self):
		# The request reads the configuration of the site, which does not have the simulator of this run.
		enable_gateway("cashfree", api_base_url=f"{simulator().url}/cashfree")
		self.addCleanup(enable_gateway, "cashfree")
		order = self.started_order()
		answers = [
			call("cashfree.confirm_cashfree_payment", self.user, data={"order_id": order, "otp": code})
			for code in ("000000", "123456", "123456")
		]
		self.assertEqual([answer.status_code for answer in answers], [422, 200, 422])
		replies = [message(answer) for answer in answers]
		self.assertEqual(replies[0]["attempts_left"], 4)
		self.assertEqual(replies[1]["payment_status"], "Processing")
		self.assertEqual(
			(replies[2]["error"], replies[2]["error_code"]), (replies[0]["error"], "otp_refused")
		)

	def new_order(self, **values) -> dict:
		"""An order with its own invoice and phone."""
		self.phone = new_phone()
		return self.order(invoice_id=create_invoice(self.user).name, **values)

	def started_order(self) -> str:
		order = self.new_order()["order_id"]
		started = self.start(order)
		self.assertTrue(started["success"], started)
		return order

	def bound(self, order: str) -> otp.Binding:
		return two_step._bound(frappe.get_doc("Payment Attempt", order), two_step._load_input(order)["phone"])

	def test_a_saved_card_needs_the_code_of_the_bank_after_our_code(self):
		order = self.order()["order_id"]
		self.start(order, method="saved_card", instrument_id="b9c1a2de-0000-4000-8000-5f1e2d3c4b5a")
		self.assertEqual(self.confirm(order)["next_action"], "otp")
		with as_user(self.user):
			wrong = payment.confirm_otp(attempt=order, otp="999999")
			again = payment.resend_otp(attempt=order)
			self.assertEqual(self.paid(), "Processing")
			right = payment.confirm_otp(attempt=order, otp=OTP)
			late = payment.confirm_otp(attempt=order, otp=OTP)
		self.assertEqual((wrong["accepted"], wrong["status"]), (False, "Processing"))
		self.assertTrue(all(answer["mock_notice"] for answer in (wrong, again, right)))
		self.assertTrue(again["accepted"], again)
		self.assertEqual((right["accepted"], right["invoice_status"], self.paid()), (True, "Paid", "Paid"))
		self.assertEqual(late["error_code"], "conflict")

	def test_without_order_pay_the_customer_continues_on_our_page(self):
		simulator().configure("cashfree", has_order_pay=False)
		self.addCleanup(simulator().configure, "cashfree", has_order_pay=True)
		order = self.started_order()
		confirmed = self.confirm(order)
		self.assertEqual(confirmed["next_action"], "sdk")
		self.assertIn(f"/pay?attempt={order}", confirmed["payment_url"])

	def paid(self) -> str:
		return frappe.db.get_value("AI Invoice", self.invoice.name, "status")

	def test_a_phone_number_that_differs_from_the_order_is_refused(self):
		order = self.order()
		self.assertEqual(self.start(order["order_id"], new_phone())["error_code"], "unprocessable")

	def test_an_impossible_payment_method_is_refused_before_a_code_is_sent(self):
		"""Card numbers above all, which are never stored."""
		order = self.order()["order_id"]
		known = two_step._load_input(order)
		for method, details in (
			("saved_card", {"instrument_id": "4111111111111111"}),
			("saved_card", {"instrument_id": "4111 1111 1111 1111"}),
			("saved_card", {}),
			("upi_intent", {"upi_id": "4111111111111111"}),
			("upi_collect", {}),
			("upi_collect", {"upi_id": "no address"}),
			("netbanking", {"bank_code": "ICICI"}),
		):
			with self.subTest(method=method, **details):
				refused = self.start(order, method=method, **details)
				self.assertEqual((refused["success"], refused["error_code"]), (False, "gateway_refused"))
		self.assertEqual(two_step._load_input(order), known)
		self.assertTrue(self.start(order)["otp_sent"], "no code was sent before, so no pause has begun")

	def test_the_audit_trail_records_the_confirmed_phone_and_the_method(self):
		order = self.order()["order_id"]
		self.start(order)
		self.confirm(order, "000000")
		self.assertNotIn("phone_confirmed", self.events())
		self.confirm(order)
		self.assertEqual(self.events()[-2:], ["phone_confirmed", "method_chosen"])
		self.assertEqual(frappe.db.get_value("Payment Attempt", order, "phone_check"), "Confirmed")

	def events(self) -> list[str]:
		filters = {"invoice": self.invoice.name}
		return frappe.get_all("Payment Event", filters, pluck="event", order_by="sequence")

	def test_a_gateway_with_phone_confirmation_sends_only_one_code(self):
		self.addCleanup(enable_gateway, "cashfree", require_phone_code=0)
		enable_gateway("cashfree", require_phone_code=1)
		waiting = self.initiate_by_page()
		self.assertEqual(waiting["next_action"], "otp")
		order = self.order()
		self.assertTrue(order["success"], order)
		self.assertEqual((order["order_status"], order["payment_status"]), ("ACTIVE", "Processing"))
		self.assertNotEqual(order["order_id"], waiting["attempt"])
		self.assertTrue(self.start(order["order_id"])["otp_sent"])
		self.assertEqual(self.confirm(order["order_id"])["next_action"], "upi")

	def test_an_order_without_a_confirmed_phone_does_not_bypass_the_code(self):
		order = self.order()["order_id"]
		self.addCleanup(enable_gateway, "cashfree", require_phone_code=0)
		enable_gateway("cashfree", require_phone_code=1)
		asked = self.initiate_by_page()
		self.assertNotEqual(asked["attempt"], order)
		self.assertEqual(asked["next_action"], "otp")

	def initiate_by_page(self) -> dict:
		with as_user(self.user):
			return payment.initiate_payment(invoice_id=self.invoice.name, gateway="cashfree", flow="otp")


class TestPhoneConfirmation(TestCase):
	"""The option in the settings of each gateway, which is off by default."""

	def setUp(self):
		forget_counters()
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

	def test_the_gateway_is_called_only_after_the_phone_is_confirmed(self):
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
		self.assertEqual(refused["error_code"], "phone_missing")
		self.assertIn("phone number", refused["error"])
