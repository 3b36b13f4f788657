"""The report Reconciliation Differences, between two checks of the invariants."""

from datetime import timedelta
from unittest.mock import patch

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.report.reconciliation_differences import reconciliation_differences
from oropendola_payments.ai_billing.report.reconciliation_differences.reconciliation_differences import (
	SUM_RULE,
	execute,
)
from oropendola_payments.engine.monitoring import checks, invariants
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, unique


class TestSums(TestCase):
	def setUp(self):
		super().setUp()
		self.addCleanup(checks.forget)
		self.invoice = create_invoice().name
		self.addCleanup(self.forge, 0)

	def forge(self, amount: int = 5) -> None:
		"""Change the invoice as the app never does, and leave no event."""
		frappe.db.set_value("AI Invoice", self.invoice, "amount_paid", amount, update_modified=False)

	def age_events(self) -> None:
		long_ago = now_datetime() - timedelta(days=2)
		frappe.db.sql(
			"UPDATE `tabPayment Event` SET creation = %s WHERE invoice = %s", (long_ago, self.invoice)
		)

	def is_listed(self, **filters: str) -> bool:
		return any(row["invoice"] == self.invoice for row in execute(filters)[1])

	def test_what_the_last_check_found_is_listed_until_it_is_put_right(self):
		self.age_events()
		self.forge()
		checks.check_all()
		self.assertTrue(self.is_listed())
		self.assertTrue(self.is_listed(kind="Sum"))
		self.forge(0)
		self.assertFalse(self.is_listed())

	def test_what_changed_after_the_last_check_is_compared_at_once(self):
		checks.check_all()
		self.forge()
		self.assertTrue(self.is_listed())

	def test_an_old_invoice_is_left_to_the_next_check(self):
		checks.forget()
		self.age_events()
		self.forge()
		self.assertFalse(self.is_listed())
		checks.check_changed()
		self.assertTrue(self.is_listed())

	def test_more_invoices_than_fit_into_one_statement_are_compared(self):
		self.forge()
		names = [f"no-such-invoice-{number}" for number in range(1200)]
		known = {**checks.last(), "violations": {SUM_RULE: names}, "checked_on": str(now_datetime())}
		frappe.cache.set_value(checks.KEY, known)
		self.assertTrue(self.is_listed())

	def test_the_page_says_how_far_the_sums_are_known(self):
		checks.forget()
		self.assertIn("last 24 hours", execute({})[2])
		checks.check_all()
		self.assertIn("all invoices were compared", execute({})[2])
		self.assertIsNone(execute({"kind": "Review"})[2])

	def test_the_page_says_when_the_check_found_more_than_it_keeps(self):
		checks.check_all()
		known = {**checks.last(), "violations": {SUM_RULE: ["x"] * invariants.LIMIT}}
		frappe.cache.set_value(checks.KEY, known)
		self.assertIn("There are more", execute({})[2])

	def test_the_rule_whose_findings_are_listed_exists(self):
		self.assertIn(SUM_RULE, invariants.RULES)


class TestLists(TestCase):
	def refunded(self, *states: str) -> list[str]:
		"""Return refunds of one payment in these states, the oldest first."""
		invoice = create_invoice()
		manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
		names = [create.create_refund(invoice.name, 5, "Example")["refund"] for _state in states]
		for age, (name, state) in enumerate(zip(reversed(names), reversed(states), strict=True)):
			values = {"status": state, "creation": now_datetime() - timedelta(hours=age)}
			frappe.db.set_value("Payment Refund", name, values)
			self.addCleanup(frappe.db.set_value, "Payment Refund", name, "status", "Refunded")
		return names

	def listed(self, **filters: str) -> list[str]:
		return [row["record"] for row in execute(filters)[1]]

	def test_a_failed_refund_is_listed_until_its_payment_is_refunded_again(self):
		(failed,) = self.refunded("Failed")
		self.assertIn(failed, self.listed(kind="Refund"))
		before, _again = self.refunded("Failed", "Refunded")
		self.assertNotIn(before, self.listed(kind="Refund"))
		earlier, later = self.refunded("Refunded", "Failed")
		self.assertEqual([earlier in self.listed(), later in self.listed()], [False, True])
		both = self.refunded("Failed", "Unknown")
		self.assertEqual([name for name in self.listed() if name in both], both[1:])

	def test_a_failed_refund_stays_listed_while_less_than_it_was_refunded_again(self):
		failed, _again, rest = self.refunded("Failed", "Refunded", "Failed")
		frappe.db.set_value("Payment Refund", failed, "amount", 9)
		self.assertIn(failed, self.listed(kind="Refund"), "5.00 of 9.00 were refunded again")
		frappe.db.set_value("Payment Refund", rest, {"status": "Refunded", "amount": 4})
		self.assertNotIn(failed, self.listed(kind="Refund"))

	def test_the_page_says_when_it_lists_only_the_oldest(self):
		self.refunded("Unknown", "Unknown")
		with patch.object(reconciliation_differences, "LIMIT", 1):
			_columns, rows, message = execute({"kind": "Refund"})
		self.assertEqual(len(rows), 1)
		self.assertEqual(
			message, "Only the oldest 1 are listed of: Refund. More appear when these are resolved."
		)
		self.assertNotIn("Only the oldest", execute({})[2])

	def test_differences_of_one_gateway_are_not_hidden_by_those_of_others(self):
		_other, mine = (create_invoice() for _invoice in range(2))
		for invoice, gateway in ((_other, "payu"), (mine, "phonepe")):
			invoice.flag_for_review("Made up.")
			frappe.db.set_value("AI Invoice", invoice.name, "payment_gateway", gateway)
			self.addCleanup(frappe.db.set_value, "AI Invoice", invoice.name, "needs_review", 0)
		filters = {"kind": "Review", "gateway": "PhonePe"}
		with patch.object(reconciliation_differences, "LIMIT", len(self.listed(**filters))):
			self.assertIn(mine.name, self.listed(**filters))
