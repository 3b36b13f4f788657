"""Documents of invoices that are paid in parts, with refunds before and after everything is paid."""

from decimal import Decimal

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.api import subscription as api
from oropendola_payments.engine.documents.issue import issue_for_invoice
from oropendola_payments.engine.documents.sweep import issue_all
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.tax import profile
from oropendola_payments.tests.support.checks import rows_of
from oropendola_payments.tests.support.paid import pay_again
from oropendola_payments.tests.support.parts import PARTS, PartsFlowCase
from oropendola_payments.tests.support.tax_documents import documents_of, selling


class TestPartsThatWereRefunded(PartsFlowCase):
	def setUp(self):
		super().setUp()
		self.enterContext(selling())
		profile.save(self.user, {"country": "IN", "state": "Karnataka"})

	def refund(self, amount: str | None):
		create.create_refund(self.invoice, amount and Decimal(amount), "A mistake")

	def documents(self) -> list[tuple[str, float]]:
		issue_all(self.invoice)
		return [(document.kind, document.total_amount) for document in documents_of(self.invoice)]

	def test_a_part_that_went_back_and_was_paid_again_gets_no_credit_note(self):
		self.new_invoice(price=499, billing_interval="Month", part_payments=1)
		self.pay_by_transfer("200")
		self.refund("50")
		self.pay_by_transfer("438.82")
		self.assertEqual((self.doc().status, self.doc().kept()), ("Paid", Decimal("588.82")))
		self.assertEqual(self.documents(), [("Invoice", 588.82)])
		self.assertEqual(self.doc().document_state, "Issued")

	def test_a_later_refund_gets_the_note_of_its_own_amount(self):
		self.new_invoice(price=499, billing_interval="Month", part_payments=1)
		self.pay_by_transfer("200")
		self.refund("50")
		self.pay_by_transfer("438.82")
		self.refund("30")
		self.assertEqual(self.documents(), [("Invoice", 588.82), ("Credit Note", 30)])
		later = frappe.db.get_value("Payment Refund", {"invoice": self.invoice, "amount": 30})
		self.assertEqual(documents_of(self.invoice)[1].refund, later)

	def test_a_part_that_was_paid_again_lacks_no_note_while_that_of_a_later_refund_is_due(self):
		self.new_invoice(price=499, billing_interval="Month", part_payments=1)
		self.pay_by_transfer("200")
		self.refund("50")
		part = frappe.db.get_value("Payment Refund", {"invoice": self.invoice})
		hours_ago = add_to_date(now_datetime(), hours=-2)
		frappe.db.set_value("Payment Refund", part, "completed_at", hours_ago)
		self.pay_by_transfer("438.82")
		issue_for_invoice(self.invoice)
		self.refund("30")
		self.assertEqual(self.doc().document_state, "Credit Due")
		self.assertNotIn(part, rows_of("refund_without_credit_note"))

	def test_the_refund_of_a_double_payment_lacks_no_note_while_that_of_a_later_refund_is_due(self):
		self.new_invoice(price=499, billing_interval="Month", part_payments=1)
		self.pay_by_transfer("588.82")
		pay_again(self.invoice, Decimal("588.82"))
		self.refund("588.82")
		self.assertEqual(self.documents(), [("Invoice", 588.82)])
		double = frappe.db.get_value("Payment Refund", {"invoice": self.invoice})
		frappe.db.set_value("Payment Refund", double, "completed_at", add_to_date(now_datetime(), hours=-2))
		self.refund("30")
		self.assertEqual(self.doc().document_state, "Credit Due")
		self.assertNotIn(double, rows_of("refund_without_credit_note"))

	def test_what_was_given_up_is_not_invoiced_when_the_parts_went_back(self):
		self.in_instalments()
		self.pay_by_transfer(PARTS[0])
		frappe.db.set_value("AI Tax Registration", {"scheme": "GST"}, "service_code", "")
		frappe.db.commit()
		self.succeed(api.cancel_subscription, subscription_id=self.subscription, at_period_end=0)
		self.assertEqual(self.doc().status, "Closed")
		self.refund(None)
		self.assertEqual(self.doc().status, "Refunded")
		frappe.db.set_value("AI Tax Registration", {"scheme": "GST"}, "service_code", "998315")
		frappe.db.commit()
		self.assertEqual(self.documents(), [("Invoice", 4715.28), ("Credit Note", 4715.28)])
