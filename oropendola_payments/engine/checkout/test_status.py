"""What a customer is told about an invoice is what its record says, in every state of the money."""

import frappe

from oropendola_payments.engine.checkout import status
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.money import to_decimal
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, create_user, unique


class TestAmounts(TestCase):
	def setUp(self):
		self.invoice = create_invoice()

	def pay(self, amount):
		manual_payment.record_payment(self.invoice.name, to_decimal(amount), unique("transfer"), None, None)

	def refund(self, amount):
		create.create_refund(self.invoice.name, to_decimal(amount), "Asked for")

	def assert_answer_says(self, state: str, paid: int, refunded: int, outstanding: int):
		answer = status.payment_status(self.invoice.user, self.invoice.name)
		self.assertEqual(
			(
				answer["status"],
				answer["amount_paid"],
				answer["amount_refunded"],
				answer["outstanding_amount"],
			),
			(state, paid, refunded, outstanding),
		)
		stored = frappe.db.get_value("AI Invoice", self.invoice.name, "outstanding_amount")
		self.assertEqual(to_decimal(stored), outstanding)

	def test_nothing_is_outstanding_after_a_refund(self):
		self.assert_answer_says("Pending", 0, 0, 499)
		self.pay(499)
		self.assert_answer_says("Paid", 499, 0, 0)
		self.refund(100)
		self.assert_answer_says("Partly Refunded", 499, 100, 0)
		self.refund(399)
		self.assert_answer_says("Refunded", 499, 499, 0)

	def test_a_refunded_part_of_an_open_invoice_is_outstanding_again(self):
		self.pay(300)
		self.assert_answer_says("Partly Paid", 300, 0, 199)
		self.refund(100)
		self.assert_answer_says("Partly Paid", 300, 100, 299)

	def test_a_part_that_was_given_back_wholly_ends_the_invoice(self):
		self.pay(300)
		self.refund(300)
		self.assert_answer_says("Refunded", 300, 300, 0)


class TestPendingInvoices(TestCase):
	def test_the_list_takes_one_statement_however_many_invoices_are_open(self):
		user, seen = create_user(), []
		for count in (1, 6):
			newest = [create_invoice(user).name for _number in range(count)][-1]
			with counted_statements() as statements:
				found = status.pending_invoices(user)
			seen.append(len(statements))
		self.assertEqual(seen, [1, 1])
		self.assertEqual((len(found), found[0]["name"]), (7, newest))
