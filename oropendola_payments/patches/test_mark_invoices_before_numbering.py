import frappe

from oropendola_payments.patches import mark_invoices_before_numbering
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_active_subscription, create_invoice


class TestBeforeNumbering(TestCase):
	def state(self, invoice: str) -> str:
		return frappe.db.get_value("AI Invoice", invoice, "document_state") or ""

	def test_only_invoices_that_were_paid_before_are_marked(self):
		old, new = (create_active_subscription().current_invoice for _round in range(2))
		unpaid = create_invoice().name
		frappe.db.set_value("AI Invoice", old, "document_state", None)
		for _run in range(2):
			mark_invoices_before_numbering.execute()
			self.assertEqual(
				[self.state(name) for name in (old, new, unpaid)], ["Before Numbering", "Due", ""]
			)
		frappe.db.rollback()
