"""What we build on: the double in memory and the real books keep one contract, and ERPNext has what we name."""

import inspect
import unittest

import frappe

from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	PaymentGatewaySettings,
)
from oropendola_payments.integrations.erpnext.books import ERPNextBooks
from oropendola_payments.integrations.erpnext.types import Books
from oropendola_payments.tests.support import erpnext_site as site
from oropendola_payments.tests.support.books import BooksInMemory
from oropendola_payments.tests.support.case import TestCase

FUNCTIONS = {
	"erpnext.accounts.doctype.payment_entry.payment_entry.get_payment_entry": {
		*("dt", "dn", "party_amount", "bank_account", "bank_amount", "created_from_payment_request"),
	},
	"erpnext.accounts.party.get_party_account": {"party_type", "party", "company"},
	"erpnext.accounts.utils.reconcile_against_document": {"args"},
}
FIELDS = {
	"Payment Request": "currency outstanding_amount status payment_account payment_gateway_account reference_doctype reference_name party",
	"Payment Entry": "payment_type party_type party paid_from paid_to paid_amount received_amount unallocated_amount references custom_remarks",
	"Payment Entry Reference": "reference_doctype reference_name allocated_amount payment_request",
	"Sales Invoice": "set_posting_time disable_rounded_total is_return return_against update_outstanding_for_self debit_to outstanding_amount",
	"Sales Invoice Item": "item_code item_name qty rate price_list_rate income_account cost_center",
	"Sales Taxes and Charges": "charge_type account_head description rate tax_amount dont_recompute_tax",
	"Payment Gateway Account": "payment_gateway payment_account currency company payment_channel is_default",
	"Journal Entry": "voucher_type company posting_date cheque_no cheque_date user_remark accounts",
	"Journal Entry Account": "account debit_in_account_currency credit_in_account_currency cost_center user_remark exchange_rate",
	"GL Entry": "voucher_type voucher_no account debit credit is_cancelled",
	"Customer": "customer_name customer_type customer_group territory tax_id",
	"Account": "account_name company parent_account account_type account_currency is_group disabled account_number",
}
# What the app Payments and ERPNext call on the controller of a gateway.
CONTROLLER = (
	"validate_transaction_currency",
	"validate_minimum_transaction_amount",
	"on_payment_request_submission",
	"get_payment_url",
	"request_for_payment",
)


class TestContract(TestCase):
	def test_the_real_books_and_the_double_have_the_same_methods(self):
		promised = {name: member for name, member in vars(Books).items() if inspect.isfunction(member)}
		promised = {name: member for name, member in promised.items() if not name.startswith("_")}
		self.assertGreater(len(promised), 8)
		for books in (ERPNextBooks, BooksInMemory):
			for name, member in promised.items():
				with self.subTest(books=books.__name__, method=name):
					self.assertEqual(inspect.signature(getattr(books, name)), inspect.signature(member))

	def test_our_settings_record_is_a_controller(self):
		for name in CONTROLLER:
			self.assertTrue(callable(getattr(PaymentGatewaySettings, name)), name)

	@unittest.skipUnless(site.is_installed(), "ERPNext is not installed.")
	def test_erpnext_has_the_functions_and_fields_that_we_name(self):
		for path, parameters in FUNCTIONS.items():
			known = set(inspect.signature(frappe.get_attr(path)).parameters)
			self.assertLessEqual(parameters, known, path)
		for doctype, fields in FIELDS.items():
			meta = frappe.get_meta(doctype)
			self.assertEqual([name for name in fields.split() if not meta.has_field(name)], [], doctype)
