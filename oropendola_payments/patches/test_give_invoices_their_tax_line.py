"""Invoices of an older release get the tax line that they always had in words."""

from decimal import Decimal

import frappe

from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.patches import give_invoices_their_tax_line
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, payment_settings
from oropendola_payments.tests.support.tax import lines_of


class TestTaxLines(TestCase):
	def test_an_old_invoice_gets_one_line_and_one_without_tax_gets_none(self):
		with payment_settings(tax_rate=18, tax_label="GST", prices_include_tax=0):
			taxed = create_invoice().name
		with payment_settings(tax_rate=0):
			free = create_invoice().name
		frappe.db.delete("AI Invoice Tax", {"parent": taxed})
		self.assertIn(taxed, invariants.check(("tax_lines_differ",))["tax_lines_differ"])
		for _run in range(2):
			give_invoices_their_tax_line.execute()
			self.assertEqual(lines_of(taxed), [("GST", Decimal("89.82"))])
			self.assertEqual(lines_of(free), [])
		self.assertNotIn(taxed, invariants.check(("tax_lines_differ",)).get("tax_lines_differ", ()))
		frappe.db.commit()

	def test_lines_by_rules_stay_as_they_are(self):
		with payment_settings(tax_rate=18, tax_label="GST", prices_include_tax=0):
			name = create_invoice().name
		line = frappe.get_doc("AI Invoice", name).taxes[0]
		give_invoices_their_tax_line.execute()
		self.assertEqual([row.name for row in frappe.get_doc("AI Invoice", name).taxes], [line.name])
