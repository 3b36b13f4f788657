"""A capture is one sum of money that a gateway took."""

import frappe

from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.exceptions import NotAllowed
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_active_subscription


class TestPaymentCapture(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		invoice = create_active_subscription().current_invoice
		cls.capture = frappe.get_last_doc("Payment Capture", {"invoice": invoice})

	def test_no_field_can_be_changed_from_a_form(self):
		before = frappe.get_doc("Payment Capture", self.capture.name).as_dict()
		for field in ("amount", "applied_amount", "surplus", "amount_refunded", "credit_used"):
			doc = frappe.get_doc("Payment Capture", self.capture.name)
			doc.set(field, 1)
			with self.subTest(field=field), self.assertRaises(NotAllowed):
				doc.save(ignore_permissions=True)
		self.assertEqual(frappe.get_doc("Payment Capture", self.capture.name).as_dict(), before)

	def test_the_same_capture_is_stored_once(self):
		"""R11, R12: a unique key decides, not a query before the insert."""
		again = frappe.new_doc("Payment Capture")
		again.update(self.capture.as_dict(no_default_fields=True))
		with self.assertRaises(frappe.DuplicateEntryError):
			again.add()
		frappe.db.rollback()

	def test_a_capture_cannot_be_deleted(self):
		"""R22."""
		with self.assertRaisesRegex(NotAllowed, "kept as evidence"):
			frappe.delete_doc("Payment Capture", self.capture.name, ignore_permissions=True, force=True)

	def test_refunds_use_up_the_overpayment_before_the_applied_amount(self):
		capture = PaymentCapture({"doctype": "Payment Capture", "amount": 600, "applied_amount": 499})
		self.assertEqual(
			[int(capture.refunded_of_applied(amount)) for amount in (0, 101, 102, 600)], [0, 0, 1, 499]
		)

	def test_credit_that_was_spent_or_refunded_is_no_longer_available(self):
		values = {
			"amount": 499,
			"surplus": 499,
			"resolution": "Credit",
			"credit_used": 100,
			"amount_refunded": 50,
		}
		capture = PaymentCapture({"doctype": "Payment Capture", **values})
		self.assertEqual((capture.credit_left(), capture.refundable()), (349, 349))
		capture.resolution = "Flag"
		self.assertEqual(capture.credit_left(), 0)
