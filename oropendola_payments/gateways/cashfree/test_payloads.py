"""What Cashfree gets to know about an order and its customer."""

import unittest
from datetime import datetime, timezone

from oropendola_payments.gateways.cashfree.payloads import _phone as phone
from oropendola_payments.gateways.cashfree.payloads import order_fields
from oropendola_payments.gateways.cashfree.test_case import CashfreeCase


class TestOrder(CashfreeCase):
	def test_phone_numbers_have_the_form_that_cashfree_takes(self):
		self.assertEqual(phone("+91 98765-43210"), "9876543210")
		self.assertEqual(phone("098765 43210"), "9876543210")
		self.assertEqual(phone("+44 7700 900123"), "+447700900123")

	def test_a_foreign_number_of_ten_digits_keeps_its_country(self):
		"""Without its plus, a number of Denmark or Singapore is somebody in India, who gets the bank's messages."""
		self.assertEqual(phone("+45 32 12 34 56"), "+4532123456")
		self.assertEqual(phone("+65 8123 4567"), "+6581234567")

	def test_the_customer_id_contains_no_personal_data(self):
		"""S37: no personal data where an id suffices, and letters and digits only."""
		fields = order_fields(self.request("PAY14"), datetime.now(timezone.utc))
		customer_id = fields["customer_details"]["customer_id"]
		self.assertTrue(customer_id.isalnum() and 3 <= len(customer_id) <= 50)
		self.assertNotIn("asha", customer_id)

	def test_a_webhook_address_is_sent_only_when_cashfree_can_reach_it(self):
		now = datetime.now(timezone.utc)
		meta = order_fields(self.request("PAY15", webhook_url="http://127.0.0.1/hook"), now)["order_meta"]
		self.assertNotIn("notify_url", meta)
		self.assertIn("notify_url", order_fields(self.request("PAY15"), now)["order_meta"])


if __name__ == "__main__":
	unittest.main()
