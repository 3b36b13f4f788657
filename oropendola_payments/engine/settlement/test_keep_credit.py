"""A manager keeps what was paid too much as credit, where the policy only flags it."""

from decimal import Decimal

import frappe

from oropendola_payments.api import form_actions
from oropendola_payments.engine.settlement import keep_credit
from oropendola_payments.engine.settlement.settle import settle
from oropendola_payments.engine.subscriptions import credit, lifecycle
from oropendola_payments.exceptions import Conflict, NotFound
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.customers import violations
from oropendola_payments.tests.support.factories import create_plan, create_user, payment_settings
from oropendola_payments.tests.support.gateway_events import paid
from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.parallel import in_parallel


class TestKeepAsCredit(TestCase):
	def setUp(self):
		self.enterContext(payment_settings(double_payment_policy="Flag", tax_rate=0))
		self.journey = Journey("payu", user=create_user())
		settle("payu", paid(self.journey.start(), 600))
		frappe.db.commit()
		self.invoice = self.journey.doc()

	def credit(self) -> Decimal:
		return credit.available(self.invoice.user, "INR")

	def offered(self) -> str | None:
		return form_actions.invoice_actions(self.journey.doc()).get("keep")

	def test_the_surplus_pays_the_next_invoice(self):
		self.assertEqual((self.offered(), self.credit()), ("₹101.00", 0))
		kept = keep_credit.keep(self.invoice.name)["kept"]
		self.assertEqual([(row["amount"], row["currency"]) for row in kept], [(101, "INR")])
		self.assertEqual((self.offered(), self.credit()), (None, 101))
		after = lifecycle.subscribe(self.invoice.user, create_plan(price=300).name, None)["invoice_id"]
		self.assertEqual(frappe.db.get_value("AI Invoice", after, "outstanding_amount"), 199)
		self.assertEqual(self.journey.doc().amount_credited, 0, "it had never paid the first invoice")
		self.assertEqual(violations(self.invoice.user, "capture_without_a_fate", "refunds_above_capture"), {})

	def test_it_is_kept_once_however_many_managers_press_the_button(self):
		name = self.invoice.name
		answers = in_parallel(4, lambda _number: keep_credit.keep(name))
		self.assertEqual(sorted(type(answer).__name__ for answer in answers), ["Conflict"] * 3 + ["dict"])
		self.assertEqual(self.credit(), 101)

	def test_what_was_refunded_of_it_before_is_not_kept(self):
		self.journey.captures()[0].write(amount_refunded=40)
		frappe.db.commit()
		keep_credit.keep(self.invoice.name)
		self.assertEqual(self.credit(), 61)
		self.assertEqual(self.journey.doc().amount_refunded, 0)

	def test_money_that_a_bank_may_take_back_waits_until_the_dispute_is_over(self):
		capture = self.journey.captures()[0]
		capture.write(dispute_state="Open")
		frappe.db.commit()
		self.assertIsNone(self.offered())
		with self.assertRaisesRegex(Conflict, "waiting for a decision"):
			keep_credit.keep(self.invoice.name)
		capture.write(dispute_state="Won")
		frappe.db.commit()
		keep_credit.keep(self.invoice.name)
		self.assertEqual(self.credit(), 101)

	def test_an_invoice_that_does_not_exist_is_refused(self):
		with self.assertRaisesRegex(NotFound, "There is no invoice"):
			keep_credit.keep("INV-0000")
