from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from oropendola_payments.patches import note_when_credit_was_kept
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_active_subscription


class TestNoteWhenCreditWasKept(TestCase):
	def capture(self, **values) -> str:
		name = frappe.db.get_value(
			"Payment Capture", {"invoice": create_active_subscription().current_invoice}
		)
		frappe.db.set_value("Payment Capture", name, values, update_modified=False)
		return name

	def noted(self, capture: str):
		return frappe.db.get_value("Payment Capture", capture, "credited_on")

	def test_the_audit_trail_says_when_and_what_no_credit_is_gets_no_time(self):
		credit = self.capture(resolution="Credit", surplus=100, credited_on=None)
		flagged = self.capture(resolution="Flag", surplus=100)
		invoice = frappe.get_doc("AI Invoice", frappe.db.get_value("Payment Capture", credit, "invoice"))
		invoice.record(
			"unused_days_given_back", frappe.get_doc("Payment Capture", credit), to_status="Credit"
		)
		frappe.db.commit()
		kept_at = frappe.db.get_value(
			"Payment Event", {"reference_name": credit, "event": "unused_days_given_back"}, "occurred_at"
		)
		for _run in range(2):
			note_when_credit_was_kept.execute()
			self.assertEqual((self.noted(credit), self.noted(flagged)), (kept_at, None))

	def test_without_an_event_the_last_change_of_the_payment_counts_and_its_day_is_counted_again(self):
		before = now_datetime().replace(microsecond=0) - timedelta(days=40)
		credit = self.capture(resolution="Credit", surplus=100, credited_on=None, modified=before)
		note_when_credit_was_kept.execute()
		self.assertEqual(self.noted(credit), before)
		marks = {"day": before.date(), "kind": "Changed"}
		self.addCleanup(frappe.db.delete, "Payment Day", marks)
		self.assertTrue(frappe.db.exists("Payment Day", marks))
