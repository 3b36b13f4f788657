"""Only the system writes a refund, and a late failure is accepted."""

from typing import ClassVar

import frappe

from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import PaymentRefund
from oropendola_payments.exceptions import InvalidTransition, NotAllowed
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_active_subscription, unique
from oropendola_payments.tests.support.states import EveryPairOfStates, table

LAYOUT = ("Section Break", "Column Break", "Tab Break", "HTML")
MOVES = """
	Created    -> Processing, Unknown, Refunded, Failed
	Unknown    -> Processing, Refunded, Failed
	Processing -> Unknown, Refunded, Failed
	Refunded   -> Failed
	Failed     -> Refunded
"""


def create_refund(**values):
	invoice = create_active_subscription().current_invoice
	capture = frappe.get_last_doc("Payment Capture", {"invoice": invoice})
	doc = frappe.new_doc("Payment Refund")
	doc.name = unique("RF")
	doc.update(
		{"capture": capture.name, "attempt": capture.attempt, "invoice": invoice, "gateway": capture.gateway}
	)
	doc.update({"amount": 1, "currency": "INR", "status": "Created", "idempotency_key": doc.name, **values})
	doc.db_insert()
	return doc


class TestRefundStates(EveryPairOfStates, TestCase):
	doctype = "Payment Refund"
	allowed = table(MOVES)
	moves: ClassVar = {
		"Processing": PaymentRefund.mark_as_processing,
		"Unknown": PaymentRefund.mark_as_unknown,
		"Refunded": PaymentRefund.mark_as_refunded,
		"Failed": PaymentRefund.mark_as_failed,
	}

	def new_record(self) -> str:
		return create_refund().name


class TestRefundRecord(TestCase):
	def tearDown(self):
		frappe.db.rollback()

	def test_every_field_but_the_status_is_a_system_field(self):
		fields = {
			field.fieldname
			for field in frappe.get_meta("Payment Refund").fields
			if field.fieldtype not in LAYOUT
		}
		self.assertEqual(fields - {"status"}, set(PaymentRefund.system_fields))

	def test_no_field_can_be_changed_from_a_form(self):
		doc = create_refund()
		for field, value in {
			"amount": 400,
			"currency": "USD",
			"idempotency_key": "x",
			"gateway_refund_id": "x",
		}.items():
			doc.reload().set(field, value)
			with self.subTest(field=field), self.assertRaises(NotAllowed):
				doc.save(ignore_permissions=True)
		doc.reload().status = "Failed"
		with self.assertRaises(InvalidTransition):
			doc.save(ignore_permissions=True)

	def test_a_refund_cannot_be_deleted(self):
		"""R22."""
		doc = create_refund()
		with self.assertRaisesRegex(NotAllowed, "kept as evidence"):
			frappe.delete_doc("Payment Refund", doc.name, ignore_permissions=True, force=True)
