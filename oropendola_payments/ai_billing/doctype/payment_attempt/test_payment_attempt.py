"""Only the system writes an attempt, one state after the other."""

from typing import ClassVar

import frappe

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import (
	PaymentAttempt,
	new_reference,
)
from oropendola_payments.exceptions import InvalidTransition, NotAllowed
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, unique
from oropendola_payments.tests.support.states import EveryPairOfStates, table

LAYOUT = ("Section Break", "Column Break", "Tab Break", "HTML")
MOVES = """
	Created    -> Processing, Authorized, Paid, Failed, Expired, Cancelled
	Processing -> Authorized, Paid, Failed, Expired, Cancelled
	Authorized -> Paid, Failed, Expired, Cancelled
	Failed     -> Processing, Authorized, Paid
	Expired    -> Processing, Authorized, Paid
	Cancelled  -> Processing, Authorized, Paid
	Paid
"""


def create_attempt(invoice=None, **values):
	invoice = invoice or create_invoice()
	doc = frappe.new_doc("Payment Attempt")
	doc.name = new_reference()
	doc.update(
		{"invoice": invoice.name, "user": invoice.user, "gateway": "payu", "mode": "Test", "flow": "redirect"}
	)
	doc.update(
		{"amount": 499, "currency": "INR", "status": "Created", "initiated_at": frappe.utils.now_datetime()}
	)
	doc.update(values)
	doc.add()
	return doc


class TestAttemptStates(EveryPairOfStates, TestCase):
	doctype = "Payment Attempt"
	allowed = table(MOVES)
	moves: ClassVar = {
		"Processing": PaymentAttempt.mark_as_processing,
		"Authorized": PaymentAttempt.mark_as_authorized,
		"Paid": PaymentAttempt.mark_as_paid,
		"Failed": PaymentAttempt.mark_as_failed,
		"Expired": PaymentAttempt.mark_as_expired,
		"Cancelled": PaymentAttempt.mark_as_cancelled,
	}

	def new_record(self) -> str:
		return create_attempt().name

	def test_a_closed_attempt_can_still_turn_out_paid(self):
		"""R5, R21."""
		invoice = create_invoice()
		for closed in ("mark_as_failed", "mark_as_expired", "mark_as_cancelled"):
			doc = create_attempt(invoice)
			getattr(doc, closed)()
			self.assertTrue(doc.mark_as_paid())


class TestAttemptRecord(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.invoice = create_invoice()

	def tearDown(self):
		frappe.db.rollback()

	def test_every_field_but_the_status_is_a_system_field(self):
		fields = {
			field.fieldname
			for field in frappe.get_meta("Payment Attempt").fields
			if field.fieldtype not in LAYOUT
		}
		self.assertEqual(fields - {"status"}, set(PaymentAttempt.system_fields))

	def test_no_field_can_be_changed_from_a_form(self):
		doc = create_attempt(self.invoice, checkout_data=PaymentAttempt.seal({"url": "https://pay.example"}))
		before = frappe.get_doc("Payment Attempt", doc.name).as_dict()
		for field, value in {
			"amount": 1,
			"currency": "USD",
			"user": "Guest",
			"gateway_payment_id": "x",
			"mode": "Live",
		}.items():
			doc.reload().set(field, value)
			with self.subTest(field=field), self.assertRaises(NotAllowed):
				doc.save(ignore_permissions=True)
		doc.reload().status = "Paid"
		with self.assertRaises(InvalidTransition):
			doc.save(ignore_permissions=True)
		self.assertEqual(frappe.get_doc("Payment Attempt", doc.name).as_dict(), before)

	def test_an_attempt_cannot_be_deleted(self):
		"""R22."""
		doc = create_attempt(self.invoice)
		with self.assertRaisesRegex(NotAllowed, "kept as evidence"):
			frappe.delete_doc("Payment Attempt", doc.name, ignore_permissions=True, force=True)

	def test_a_reference_is_random_and_short_enough_for_every_gateway(self):
		references = {new_reference() for _number in range(200)}
		self.assertEqual(len(references), 200)
		self.assertTrue(all(len(name) <= 25 and name.isalnum() and name.isascii() for name in references))

	def test_one_payment_of_a_gateway_belongs_to_one_attempt(self):
		"""R12."""
		payment = unique("pay")
		create_attempt(self.invoice, gateway_payment_id=payment)
		with self.assertRaises(frappe.DuplicateEntryError):
			create_attempt(self.invoice, gateway_payment_id=payment)

	def test_another_gateway_may_use_the_same_payment_number(self):
		payment = unique("pay")
		create_attempt(self.invoice, gateway_payment_id=payment)
		create_attempt(self.invoice, gateway_payment_id=payment, gateway="stripe")

	def test_stored_gateway_responses_are_redacted(self):
		"""S16."""
		doc = create_attempt(
			self.invoice, checkout_data=PaymentAttempt.seal({"data": {"session": "cs_made_up_secret"}})
		)
		stored = frappe.db.get_value("Payment Attempt", doc.name, "checkout_data")
		self.assertNotIn("cs_made_up_secret", stored)
		self.assertEqual(doc.payment_ref().data, {"session": "cs_made_up_secret"})
