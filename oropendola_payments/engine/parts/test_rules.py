"""Which amounts a customer may pay."""

from decimal import Decimal

import frappe

from oropendola_payments.api import payment
from oropendola_payments.tests.support.factories import enable_gateway, payment_settings
from oropendola_payments.tests.support.parts import PartsTestCase
from oropendola_payments.tests.support.simulated import simulator


class TestChosenAmounts(PartsTestCase):
	"""499.00 and 18 % tax: 588.82."""

	def setUp(self):
		super().setUp()
		enable_gateway("payu", api_base_url=f"{simulator().url}/payu")
		self.new_invoice(price=499, billing_interval="Month", part_payments=1)

	def start(self, amount: str | None, **options) -> dict:
		return self.succeed(
			payment.initiate_payment, invoice_id=self.invoice, gateway="payu", amount=amount, **options
		)

	def refusal(self, code: str, amount, gateway: str = "payu") -> str:
		attempts = frappe.db.count("Payment Attempt", {"invoice": self.invoice})
		text = self.refused(
			code, payment.initiate_payment, invoice_id=self.invoice, gateway=gateway, amount=amount
		)
		self.assertEqual(frappe.db.count("Payment Attempt", {"invoice": self.invoice}), attempts)
		return text

	def attempt(self, answer: dict):
		return frappe.get_doc("Payment Attempt", answer["attempt"])

	def test_a_part_has_an_attempt_with_its_own_amount(self):
		made = self.attempt(self.start("200"))
		self.assertEqual((Decimal(str(made.amount)), made.is_part, made.paid_before), (Decimal(200), 1, 0))

	def test_everything_can_be_paid_with_or_without_an_amount(self):
		first = self.attempt(self.start("588.82"))
		self.assertEqual((str(first.amount), first.is_part), ("588.82", 0))
		self.assertEqual(self.start(None)["attempt"], first.name)

	def test_amounts_outside_the_range_are_refused_with_the_range(self):
		"""S42: the amount is the customer's choice, within limits that our records set."""
		for amount in ("117.76", "0.01", "471.06", "588.81"):
			text = self.refusal("part_refused", amount)
			self.assertIn("Please pay ₹117.77 to ₹471.05, or everything that is due: ₹588.82.", text)

	def test_the_ends_of_the_range_are_allowed(self):
		self.start("117.77")
		self.succeed(payment.cancel_payment, attempt=self.latest())
		self.start("471.05")

	def latest(self) -> str:
		return frappe.db.get_value(
			"Payment Attempt", {"invoice": self.invoice}, "name", order_by="creation desc"
		)

	def test_a_part_that_leaves_a_small_rest_is_refused_with_the_range(self):
		self.pay_by_transfer("200")
		text = self.refusal("part_refused", "300")
		self.assertIn("₹117.77 to ₹271.05, or everything that is due: ₹388.82", text)

	def test_more_than_what_is_due_is_refused(self):
		self.assertIn("₹600.00 is more than the ₹588.82 that is due", self.refusal("part_refused", "600"))

	def test_amounts_that_are_none_are_refused(self):
		for amount in ("0", "-1", "NaN", "Infinity", "1e2", "two", "200.001", True, [200], {"a": 1}):
			with self.subTest(amount=amount):
				self.refusal("bad_request", amount)

	def test_the_last_allowed_part_takes_all(self):
		with payment_settings(max_parts=2):
			self.pay_by_transfer("200")
			self.assertIn("cannot be paid in part. Please pay ₹388.82.", self.refusal("part_refused", "200"))
			self.start("388.82")

	def test_the_gateways_minimum_counts_where_it_is_more_than_ours(self):
		enable_gateway("razorpay", api_base_url=f"{simulator().url}/razorpay")
		with payment_settings(part_percent=0):
			text = self.refusal("part_refused", "0.50", gateway="razorpay")
			self.assertIn("₹1.00 to ₹587.82", text)
			self.start("0.50")

	def test_an_invoice_without_parts_is_paid_at_once(self):
		frappe.db.set_value("AI Invoice", self.invoice, "part_payments", 0)
		frappe.db.commit()
		self.assertIn("cannot be paid in part. Please pay ₹588.82.", self.refusal("part_refused", "200"))

	def test_a_manager_can_allow_parts_of_one_invoice(self):
		frappe.db.set_value("AI Invoice", self.invoice, "part_payments", 0)
		invoice = self.doc()
		invoice.part_payments = 1
		invoice.save(ignore_permissions=True)
		frappe.db.commit()
		self.start("200")

	def test_two_tabs_cannot_ask_for_more_than_what_is_due(self):
		"""S42."""
		self.pay_by_transfer("200")
		self.start("250")
		self.assertIn("A payment of ₹250.00 for this invoice is in progress", self.refusal("conflict", None))
		self.assertIn("in progress", self.refusal("conflict", "388.82"))
		self.assertIn("in progress", self.refusal("conflict", "140"))

	def test_two_tabs_with_the_same_part_share_the_attempt(self):
		self.assertEqual(self.start("200")["attempt"], self.start("200.00")["attempt"])

	def test_a_repeated_key_with_another_amount_is_refused(self):
		self.start("200", idempotency_key="one-key")
		text = self.refused(
			"conflict",
			payment.initiate_payment,
			invoice_id=self.invoice,
			gateway="payu",
			amount="210",
			idempotency_key="one-key",
		)
		self.assertIn("idempotency key", text)

	def test_the_overview_says_what_may_be_paid(self):
		self.pay_by_transfer("200")
		answer = self.succeed(payment.get_parts, invoice_id=self.invoice)
		allowed = {name: str(value) for name, value in answer["allowed"].items()}
		self.assertEqual((allowed["minimum"], allowed["maximum"]), ("117.77", "271.05"))
		self.assertEqual(answer["allowed"]["amounts"], [Decimal("388.82")])


class TestOtherCurrencies(PartsTestCase):
	settings = {**PartsTestCase.settings, "tax_rate": 0}

	def refusal(self, amount: str) -> str:
		return self.refused(
			"bad_request", payment.initiate_payment, invoice_id=self.invoice, gateway="stripe", amount=amount
		)

	def test_yen_have_no_decimals_and_dinars_three(self):
		enable_gateway("stripe", api_base_url=f"{simulator().url}/stripe")
		self.new_invoice(price=1000, currency="JPY", part_payments=1)
		self.assertIn("too many decimal places for JPY", self.refusal("300.5"))
		self.succeed(payment.initiate_payment, invoice_id=self.invoice, gateway="stripe", amount="300")
		self.new_invoice(price=10, currency="KWD", part_payments=1)
		self.assertIn("too many decimal places for KWD", self.refusal("3.3335"))
		self.succeed(payment.initiate_payment, invoice_id=self.invoice, gateway="stripe", amount="3.33")
