"""Paying in parts on the pages: what is offered, what a form does, and how parts stand."""

from datetime import timedelta

import frappe

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.api import payment
from oropendola_payments.tests.support.factories import enable_gateway, forget_counters
from oropendola_payments.tests.support.links import new_link, start
from oropendola_payments.tests.support.pages import page
from oropendola_payments.tests.support.parts import PartsTestCase, create_instalment_plan
from oropendola_payments.tests.support.simulated import simulator

FIRST, NEXT = "4715.28", "2357.64"


class PageCase(PartsTestCase):
	def setUp(self):
		super().setUp()
		enable_gateway("payu", api_base_url=f"{simulator().url}/payu")

	def checkout(self, **query) -> str:
		answer = page("/checkout", self.user, query_string={"invoice": self.invoice, **query})
		self.assertEqual(answer.status_code, 200)
		return answer.text

	def post(self, **fields):
		fields = {"invoice": self.invoice, "gateway": "payu", **fields}
		return page("/checkout", self.user, method="POST", data=fields)

	def amount_of_latest(self) -> str:
		name = frappe.db.get_value(
			"Payment Attempt", {"invoice": self.invoice}, "name", order_by="creation desc"
		)
		return str(frappe.db.get_value("Payment Attempt", name, "amount"))


class TestCheckout(PageCase):
	def test_an_ordinary_invoice_offers_no_choice(self):
		self.new_invoice()
		text = self.checkout()
		self.assertNotIn('name="pay"', text)
		self.assertIn("Pay ₹11,788.20", text)

	def test_instalments_are_offered_with_their_dates_beside_everything(self):
		name = create_instalment_plan()
		self.new_invoice(name, part_payments=1)
		text = self.checkout()
		for expected in (
			"Everything now: ₹11,788.20",
			"In 4 parts: ₹4,715.28 now",
			"Another amount now",
			"From ₹2,357.64 to ₹9,430.56",
		):
			self.assertIn(expected, text)
		self.assertEqual(text.count("₹2,357.64</td>"), 3)

	def test_choosing_a_plan_starts_its_first_part(self):
		name = create_instalment_plan()
		self.new_invoice(name)
		answer = self.post(pay=f"plan:{name}")
		self.assertIn("/pay?attempt=", answer.headers["Location"])
		self.assertEqual((self.amount_of_latest(), self.doc().instalment_plan), ("4715.28", name))

	def test_changing_ones_mind_before_paying_removes_the_schedule(self):
		self.in_instalments()
		self.post(pay="all")
		self.assertEqual((self.amount_of_latest(), self.doc().instalment_plan), ("11788.2", None))

	def test_after_the_first_part_the_next_one_is_chosen(self):
		self.in_instalments()
		self.pay_by_transfer(FIRST)
		text = self.checkout()
		self.assertRegex(text, r'value="next" checked')
		self.assertIn("All that is left: ₹7,072.92", text)
		self.assertRegex(self.checkout(pay="all"), r'value="all" checked')
		self.post(pay="next")
		self.assertEqual(self.amount_of_latest(), NEXT)

	def test_an_own_amount_is_paid(self):
		self.new_invoice(part_payments=1)
		self.post(pay="part", amount=" 3,000.50 ")
		self.assertEqual(self.amount_of_latest(), "3000.5")

	def test_a_refused_amount_comes_back_with_the_reason(self):
		self.new_invoice(part_payments=1)
		for amount, reason in (
			("100", "Please pay ₹2,357.64 to ₹9,430.56"),
			("much", "Please enter an amount"),
			("30,50", "Please enter an amount"),  # not 3,050
			("", "Please enter an amount"),
		):
			with self.subTest(amount):
				answer = self.post(pay="part", amount=amount)
				self.assertEqual(answer.headers["Location"], f"/checkout?invoice={self.invoice}")
				text = self.checkout()
				self.assertIn(reason, text)
				self.assertRegex(text, r'value="part" checked')
		self.assertFalse(frappe.db.exists("Payment Attempt", {"invoice": self.invoice}))

	def test_a_made_up_option_pays_everything_and_no_foreign_plan(self):
		self.new_invoice()
		foreign = create_instalment_plan()
		self.post(pay=f"plan:{foreign}")
		self.assertFalse(frappe.db.exists("Payment Attempt", {"invoice": self.invoice}))
		self.post(pay="nonsense")
		self.assertEqual(self.amount_of_latest(), "11788.2")

	def test_an_open_part_can_be_continued_or_cancelled(self):
		self.new_invoice(part_payments=1)
		self.post(pay="part", amount="3000")
		text = self.checkout()
		self.assertIn("You started a payment of ₹3,000.00 with PayU", text)
		self.assertIn("Cancel this payment", text)

	def test_a_closed_invoice_can_no_longer_be_paid(self):
		self.in_instalments()
		self.pay_by_transfer(FIRST)
		self.doc().mark_as_closed("The rest is not owed.")
		frappe.db.commit()
		text = self.checkout()
		self.assertIn("This invoice was closed", text)
		self.assertNotIn('name="gateway"', text)

	def test_the_result_page_of_a_closed_invoice_does_not_say_that_it_was_cancelled(self):
		self.in_instalments()
		self.pay_by_transfer(FIRST)
		self.doc().mark_as_closed("The rest is not owed.")
		frappe.db.commit()
		text = page(f"/payment-result?invoice={self.invoice}", self.user).text
		self.assertIn("This invoice was closed", text)
		self.assertIn("The rest of it is not owed.", text)
		self.assertNotIn("was cancelled", text)


class TestPaymentLink(PageCase):
	def setUp(self):
		super().setUp()
		enable_gateway("payu", api_base_url=f"{simulator().url}/payu", require_phone_code=0)
		forget_counters()
		self.in_instalments()

	def test_somebody_else_can_pay_the_next_part_or_all_of_a_schedule(self):
		self.pay_by_transfer(FIRST)
		_link, path = new_link(self.invoice)
		text = page(path).text
		self.assertIn("The next part: ₹2,357.64", text)
		self.assertRegex(text, r'value="next" checked')
		for pay, amount in (("next", NEXT), ("all", "7072.92")):
			attempt = start(path, "payu", pay=pay)
			self.assertEqual(str(frappe.db.get_value("Payment Attempt", attempt, "amount")), amount)
			self.succeed(payment.cancel_payment, attempt=attempt)

	def test_nobody_but_the_customer_chooses_how_to_pay(self):
		_link, path = new_link(self.invoice)
		attempt = start(path, "payu", pay="plan:another", amount="1")
		self.assertEqual(frappe.db.get_value("Payment Attempt", attempt, "amount"), 11788.2)
		self.assertTrue(self.doc().instalment_plan)

	def test_an_invoice_without_a_schedule_is_paid_at_once(self):
		self.new_invoice(part_payments=1)
		_link, path = new_link(self.invoice)
		self.assertNotIn('name="pay"', page(path).text)


class TestBilling(PageCase):
	def billing(self) -> str:
		return page("/billing", self.user).text

	def test_a_running_schedule_is_shown_with_what_to_pay_next(self):
		self.in_instalments()
		self.assertNotIn("Your instalments", self.billing())
		self.pay_by_transfer(FIRST)
		text = self.billing()
		for expected in (
			"Your instalments for Pro Yearly",
			"Pay ₹2,357.64",
			"Pay all that is left: ₹7,072.92",
			"146 days",
		):
			self.assertIn(expected, text)
		self.assertIn(f"/checkout?invoice={self.invoice}&amp;pay=next", text)

	def test_an_overdue_part_is_marked(self):
		self.in_instalments()
		self.pay_by_transfer(FIRST)
		frappe.db.set_value("AI Invoice Part", self.parts()[1].name, "due_on", today() - timedelta(days=1))
		frappe.db.commit()
		self.assertIn("Overdue", self.billing())

	def test_a_finished_schedule_is_gone(self):
		self.in_instalments()
		self.pay_by_transfer("11788.20")
		self.assertNotIn("Your instalments", self.billing())

	def test_nobody_sees_the_instalments_of_others(self):
		"""S13."""
		self.in_instalments()
		self.pay_by_transfer(FIRST)
		other = frappe.get_all(
			"User", {"name": ("not in", (self.user, "Guest", "Administrator"))}, pluck="name"
		)[0]
		self.assertNotIn(self.invoice, page("/billing", other).text)


class TestReceiptPage(PageCase):
	def test_one_part_has_a_page_of_its_own(self):
		self.in_instalments()
		for part in (FIRST, NEXT):
			self.pay_by_transfer(part)
		whole = page("/receipt", self.user, query_string={"invoice": self.invoice}).text
		captures = frappe.get_all(
			"Payment Capture", {"invoice": self.invoice}, pluck="name", order_by="creation"
		)
		self.assertIn(f"/receipt?invoice={self.invoice}&amp;payment={captures[1]}", whole)
		query = {"invoice": self.invoice, "payment": captures[1]}
		one = page("/receipt", self.user, query_string=query).text
		self.assertIn("Receipt for a part payment", one)
		self.assertIn("of which tax: ₹359.64", one)
		self.assertNotIn("₹4,715.28</span>", one)
		query["payment"] = "another"
		self.assertEqual(page("/receipt", self.user, query_string=query).status_code, 404)
