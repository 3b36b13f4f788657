"""Old messages lose their texts, which may name people, and stay as evidence."""

from datetime import timedelta
from unittest.mock import patch

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.doctype.payment_webhook_log import payment_webhook_log
from oropendola_payments.ai_billing.doctype.payment_webhook_log.payment_webhook_log import PaymentWebhookLog
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import unique


class TestLogClearing(TestCase):
	def setUp(self):
		self.name = self.message(days=200)

	def message(self, days: int) -> str:
		doc = frappe.new_doc("Payment Webhook Log")
		doc.update(
			{
				"gateway": "payu",
				"event_key": unique("event"),
				"status": "Processed",
				"payload": "{}",
				"headers": "{}",
			}
		)
		doc.db_insert()
		then = now_datetime() - timedelta(days=days)
		frappe.db.sql("UPDATE `tabPayment Webhook Log` SET creation = %s WHERE name = %s", (then, doc.name))
		return doc.name

	def payload(self, name: str) -> str | None:
		return frappe.db.get_value("Payment Webhook Log", name, "payload")

	def test_old_payloads_are_cleared_and_the_row_is_kept(self):
		PaymentWebhookLog.clear_old_logs(days=180)
		self.assertTrue(frappe.db.exists("Payment Webhook Log", self.name))
		self.assertIsNone(self.payload(self.name))

	def test_texts_are_cleared_in_groups_and_cleared_ones_are_not_looked_at_again(self):
		other = self.message(days=200)
		with patch.object(payment_webhook_log, "BATCH", 1):
			PaymentWebhookLog.clear_old_logs(days=180)
		self.assertEqual([self.payload(self.name), self.payload(other)], [None, None])
		self.assertEqual(payment_webhook_log.empty_texts(180), 0)

	def test_evidence_is_kept_for_180_days_even_when_log_settings_say_7(self):
		"""R22."""
		young = self.message(days=179)
		PaymentWebhookLog.clear_old_logs(days=7)
		self.assertEqual(self.payload(young), "{}")

	def test_payment_settings_refuse_a_retention_below_180_days(self):
		settings = frappe.get_doc("Payment Settings")
		settings.raw_payload_days = 90
		with self.assertRaisesRegex(frappe.ValidationError, "at least 180 days"):
			settings.validate()
