"""Random lives of invoices on a site with ERPNext: in the end its General Ledger has what our records have, to the last paisa."""

import os
import random
import unittest
from decimal import Decimal

import frappe

from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.integrations import dispatch
from oropendola_payments.integrations.erpnext import accounts
from oropendola_payments.money import to_decimal
from oropendola_payments.tests.support import erpnext_site as site
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user, payment_settings
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.time_travel import finish_refunds

STORIES = int(os.environ.get("ERPNEXT_STORIES", "4"))
SEED = int(os.environ.get("ERPNEXT_SEED", "1"))
PRICES = (9, 99.99, 499, 1234.56, 8.35, 7777.77)


class Story:
	"""One invoice: paid at once, in parts, too much or twice, then refunded or not."""

	def __init__(self, dice: random.Random, gateway: str):
		self.dice = dice
		self.journey = Journey(gateway, user=create_user(), price=dice.choice(PRICES))

	def tell(self) -> None:
		self.dice.choice((self.pay, self.pay, self.pay_in_parts, self.pay_too_much, self.pay_twice))()
		self.post()
		for _refund in range(self.dice.choice((0, 0, 1, 2, 3))):
			self.refund()

	def pay(self) -> str:
		attempt = self.journey.start()
		self.journey.deliver_return(self.journey.customer_pays(attempt))
		self.journey.deliver_all()
		return attempt

	def pay_in_parts(self) -> None:
		total = self.journey.doc().outstanding()
		first = (
			Decimal(self.dice.randrange(100, int(total * 100) - 100)) / 100
		)  # no gateway takes less than a rupee
		self.settle(self.journey.start(), first)
		if self.dice.random() < 0.3:
			self.post()
		if self.journey.doc().outstanding():
			self.settle(self.journey.start(), self.journey.doc().outstanding())

	def pay_too_much(self) -> None:
		self.settle(self.journey.start(), self.journey.doc().outstanding() + Decimal("3.21"))

	def pay_twice(self) -> None:
		attempt = self.journey.start()
		total = self.journey.doc().outstanding()
		self.settle(attempt, total)
		self.settle(attempt, total)

	def settle(self, attempt: str, amount: Decimal) -> None:
		settle(self.journey.gateway, paid(attempt, str(amount)))

	def refund(self) -> None:
		left = sum((capture.refundable() for capture in self.journey.captures()), Decimal(0))
		whole = self.dice.random() < 0.4
		amount = None if whole or left < 1 else Decimal(self.dice.randrange(1, int(left * 100))) / 100
		self.journey.refund(amount)
		finish_refunds(self.journey.gateway, self.journey.invoice)
		self.post()

	def post(self) -> None:
		dispatch.post_invoice(self.journey.invoice)


@unittest.skipUnless(site.is_installed(), "ERPNext is not installed.")
class TestStories(TestCase):
	def setUp(self):
		self.enterContext(site.switched_on(tax_rate=18, tax_label=site.TAX))
		site.ensure_tax_account()
		dispatch.prepare()
		frappe.db.commit()
		self.tax = site.ensure_tax_account()

	def test_the_general_ledger_has_what_our_records_have(self):
		"""B4, B6, B7."""
		dice = random.Random(SEED)
		invoices = []
		for number in range(STORIES):
			gateway = dice.choice(("payu", "razorpay"))
			policy = dice.choice(("Refund", "Credit", "Flag"))
			with self.subTest(seed=SEED, story=number), payment_settings(double_payment_policy=policy):
				story = Story(dice, gateway)
				invoices.append(story.journey.invoice)
				story.tell()
				self.check(story.journey.invoice, gateway)
		self.check_totals(invoices)
		self.assertTrue(site.is_balanced())

	def check(self, invoice: str, gateway: str):
		"""The money of one invoice: what the gateway took and gave back is what went through its clearing account."""
		postings = frappe.get_all(
			"Payment Posting",
			{"invoice": invoice},
			["kind", "status", "error", "document_type", "document_name"],
		)
		self.assertEqual({row.status for row in postings}, {"Done"}, postings)
		clearing = accounts.clearing_account(gateway, site.company(), "INR")
		names = {row.document_name for row in postings if row.document_type == "Payment Entry"}
		booked = sum((to_decimal(site.ledger(clearing, voucher_no=name)) for name in names), Decimal(0))
		self.assertEqual(booked, self.taken(invoice) - self.given_back(invoice))

	def check_totals(self, invoices: list[str]):
		"""Tax and revenue of all of them: what was invoiced less what was credited."""
		filters = {"invoice": ("in", invoices), "document_type": "Sales Invoice"}
		names = frappe.get_all("Payment Posting", filters, pluck="document_name")
		booked = sum((to_decimal(-site.ledger(self.tax, voucher_no=name)) for name in names), Decimal(0))
		rows = frappe.get_all(
			"AI Invoice", {"name": ("in", invoices), "fulfilled_on": ("is", "set")}, ["tax_amount"]
		)
		sold = sum((to_decimal(row.tax_amount) for row in rows), Decimal(0))
		notes = frappe.get_all("Payment Posting", {**filters, "kind": "Credit Note"}, pluck="document_name")
		taxes = [frappe.db.get_value("Sales Invoice", name, "total_taxes_and_charges") for name in notes]
		self.assertEqual(booked, sold + sum((to_decimal(tax) for tax in taxes), Decimal(0)))
		debt = sum(frappe.get_all("Sales Invoice", {"name": ("in", names)}, pluck="outstanding_amount"))
		self.assertEqual(round(debt, 2), 0, "what was sold was paid, and what was credited was paid back")

	def taken(self, invoice: str) -> Decimal:
		rows = frappe.get_all(
			"Payment Capture", {"invoice": invoice, "gateway": ("!=", "credit")}, pluck="amount"
		)
		return sum((to_decimal(row) for row in rows), Decimal(0))

	def given_back(self, invoice: str) -> Decimal:
		filters = {"invoice": invoice, "status": "Refunded", "gateway": ("!=", "credit")}
		rows = frappe.get_all("Payment Refund", filters, pluck="amount")
		return sum((to_decimal(row) for row in rows), Decimal(0))
