"""What credit notes take back in the currency of the return."""

from decimal import Decimal

import frappe

from oropendola_payments.engine.documents.credit_notes import issue_for_refund
from oropendola_payments.engine.documents.issue import issue_for_invoice
from oropendola_payments.tests.support.tax import LUT
from oropendola_payments.tests.support.tax_documents import (
	DocumentCase,
	customer_in,
	exchange_rate,
	paid_invoice,
	refund,
)


class TestHomeCurrency(DocumentCase):
	def check(self, *refunds: str):
		exchange_rate("88.1234")
		invoice = paid_invoice(customer_in("", "US"), price="49.00", currency="USD").name
		document = frappe.get_doc("AI Tax Document", issue_for_invoice(invoice))
		notes = [issue_for_refund(refund(invoice, amount)) for amount in refunds]
		facts = [frappe.get_doc("AI Tax Document", note).facts()["home"] for note in notes]
		for name in ("net", "tax", "total"):
			credited = sum(Decimal(home[name]) for home in facts)
			self.assertEqual(credited, Decimal(document.facts()["home"][name]), name)
		for home in facts:
			taxes = sum(map(Decimal, home["taxes"]), Decimal(0))
			self.assertEqual(
				(Decimal(home["net"]) + taxes, taxes), (Decimal(home["total"]), Decimal(home["tax"]))
			)

	def test_all_notes_together_credit_in_rupees_what_was_invoiced(self):
		self.check("19.28", "19.27", "19.27")


class TestHomeCurrencyWithoutTax(TestHomeCurrency):
	registrations = (LUT,)

	def test_all_notes_together_credit_in_rupees_what_was_invoiced(self):
		self.check("16.33", "16.33", "16.34")
