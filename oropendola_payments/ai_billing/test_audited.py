"""Joined writes of an invoice: one statement, or nothing at all."""

import frappe

from oropendola_payments.engine.monitoring import audit
from oropendola_payments.exceptions import ConcurrentChange
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice


class TestJoinedWrites(TestCase):
	def setUp(self):
		self.invoice = create_invoice()
		self.addCleanup(frappe.db.rollback)

	def row(self):
		return frappe.get_doc("AI Invoice", self.invoice.name)

	def test_several_changes_are_one_update_with_all_events_in_order(self):
		with counted_statements() as seen, self.invoice.joined_writes():
			self.invoice.mark_as_processing(payment_gateway="payu")
			self.invoice.record("attempt_paid")
			self.invoice.mark_as_paid()
			self.invoice.write(description="Two moves")
		self.assertEqual([statement.split()[0] for statement in seen], ["UPDATE", "INSERT"], seen)
		row = self.row()
		self.assertEqual((row.status, row.payment_gateway, row.description), ("Paid", "payu", "Two moves"))
		filters = {"invoice": row.name, "event": ("!=", "invoice_created")}
		events = frappe.get_all("Payment Event", filters, pluck="event", order_by="sequence")
		self.assertEqual(events, ["invoice_processing", "attempt_paid", "invoice_paid"])
		self.assertIsNone(audit.verify(row.name)["broken"])

	def test_the_row_has_no_half_of_it_when_something_fails_inside(self):
		with self.assertRaises(ZeroDivisionError), self.invoice.joined_writes():
			self.invoice.mark_as_processing()
			raise ZeroDivisionError
		self.assertEqual(self.row().status, "Pending")
		frappe.db.rollback()  # events that wait for the commit are dropped with it
		self.assertEqual(frappe.db.count("Payment Event", {"invoice": self.invoice.name}), 1)

	def test_a_change_by_somebody_else_is_noticed_at_the_end(self):
		with self.assertRaises(ConcurrentChange), self.invoice.joined_writes():
			self.invoice.mark_as_processing()
			self.row().mark_as_cancelled()
		self.assertEqual(self.row().status, "Cancelled")

	def test_nothing_written_is_no_statement(self):
		with counted_statements() as seen, self.invoice.joined_writes():
			pass
		self.assertEqual(seen, [])

	def test_writes_inside_other_joined_writes_belong_to_them(self):
		with counted_statements() as seen, self.invoice.joined_writes():
			with self.invoice.joined_writes():
				self.invoice.write(description="Inner")
			self.assertEqual(seen, [])
		self.assertEqual((len(seen), self.row().description), (1, "Inner"))
