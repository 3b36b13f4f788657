"""What reminders brought in: each payment is counted once, at the last reminder before it."""

from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing import recovery
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.report.recovered_payments import recovered_payments
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, create_user, payment_settings, unique


class TestRecovery(TestCase):
	def setUp(self):
		frappe.db.delete("AI Payment Reminder")
		self.enterContext(payment_settings(tax_rate=0))

	def reminded(self, *hours_ago: float, pays: bool = True, **plan):
		"""An invoice with a reminder so many hours ago each, which is paid now."""
		invoice = create_invoice(create_user(), **plan)
		for step, hours in enumerate(hours_ago, start=1):
			row = frappe.new_doc("AI Payment Reminder").update(
				{"invoice": invoice.name, "user": invoice.user, "failure_class": "Soft", "step": step}
			)
			row.update({"sent_on": now_datetime() - timedelta(hours=hours), "unique_key": unique("reminder")})
			row.db_insert()
			frappe.db.set_value(row.doctype, row.name, "status", "Sent")
		if pays:
			manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
		return invoice

	def rows(self, **filters) -> dict:
		_columns, rows, _message, _chart = recovered_payments.execute(filters)
		return {row["step"]: (row["sent"], row["paid"], row["recovered"]) for row in rows}

	def test_a_payment_counts_for_the_last_reminder_before_it(self):
		self.reminded(72, 24)
		self.reminded(72, 24, pays=False)
		self.reminded(30)
		self.assertEqual(self.rows(), {1: (3, 1, 499.0), 2: (2, 1, 499.0)})

	def test_a_payment_after_a_month_is_no_answer(self):
		self.reminded(24 * 31)
		self.assertEqual(self.rows(), {1: (1, 0, 0.0)})

	def test_currencies_are_kept_apart(self):
		self.reminded(5)
		self.reminded(5, currency="USD")
		self.assertEqual(self.rows(currency="USD"), {1: (1, 1, 499.0)})
		since = today() - timedelta(days=1)
		self.assertEqual({key[1] for key in recovery.recovered_since(since)}, {"INR", "USD"})

	def test_hours_are_the_median(self):
		for hours in (2, 4, 40):
			self.reminded(hours)
		_columns, rows, _message, _chart = recovered_payments.execute({})
		self.assertEqual(rows[0]["hours"], 4.0)

	def test_without_reminders_the_report_is_empty(self):
		self.assertEqual(self.rows(), {})
