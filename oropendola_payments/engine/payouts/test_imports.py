"""Reports as files: what is refused leaves nothing behind, and says where it is wrong."""

import io
from datetime import date

import frappe

from oropendola_payments.engine.payouts import imports
from oropendola_payments.exceptions import BadRequest, Unprocessable
from oropendola_payments.gateways.payouts import Payout
from oropendola_payments.tests.support import payouts as support
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import unique

COLUMNS = {
	"payout_id_column": "Payout",
	"paid_on_column": "Date",
	"kind_column": "Type",
	"payment_id_column": "Payment",
	"amount_column": "Amount",
	"fee_column": "Fee",
	"tax_column": "CGST+SGST",
	"net_column": "Net",
	"currency_column": "Currency",
	"kinds": "Sale = Capture\nRefund = Refund\nTransfer = Payout\nNote = Ignore",
}
HEAD = "Payout,Date,Type,Payment,Amount,Fee,CGST,SGST,Net,Currency\n"


class TestImports(TestCase):
	def setUp(self):
		support.start_afresh("cashflows")
		self.addCleanup(support.start_afresh, "cashflows")
		self.payout = unique("po")

	def row(
		self,
		kind="Sale",
		amount="499.00",
		fee="9.98",
		cgst="0.90",
		sgst="0.90",
		net="487.22",
		payment=None,
		currency="GBP",
	):
		cells = (
			self.payout,
			"2026-11-29",
			kind,
			payment or unique("pay"),
			amount,
			fee,
			cgst,
			sgst,
			net,
			currency,
		)
		return ",".join(cells) + "\n"

	def do_import(self, text: str | bytes, **options) -> dict:
		content = text.encode() if isinstance(text, str) else text
		options.setdefault("columns", COLUMNS)
		return imports.import_file("cashflows", io.BytesIO(content), **options)

	def refused(self, text: str | bytes, *words: str, **options):
		with self.assertRaises((Unprocessable, BadRequest)) as caught:
			self.do_import(text, **options)
		frappe.db.rollback()
		for word in words:
			self.assertIn(word, str(caught.exception))
		self.assertEqual(frappe.db.count("Payment Payout", {"gateway": "cashflows"}), 0)
		self.assertEqual(frappe.db.count("Payment Payout Line", {"gateway": "cashflows"}), 0)

	def test_rows_become_lines_that_add_up(self):
		transfer = f"{self.payout},2026-11-29,Transfer,,437.22,,,,437.22,GBP\n"
		refund = self.row("Refund", "50.00", "0", "0", "0", "50.00")
		answer = self.do_import(HEAD + self.row() + refund + "Total,,,,,,,,437.22,\n" + transfer)
		self.assertEqual((answer["rows"], answer["new"]), (4, 1))
		(payout,) = support.payouts("cashflows")
		sums = {kind: float(amount) for kind, amount in payout.sums().items() if amount}
		self.assertEqual(sums, {"Capture": 499.0, "Refund": -50.0, "Fee": -9.98, "Tax on Fee": -1.8})
		self.assertEqual(
			(float(payout.amount), payout.status, payout.amount_is_reported), (437.22, "Balanced", 1)
		)

	def test_a_row_that_cannot_be_read_is_refused_with_its_line_and_nothing_is_recorded(self):
		"""B9."""
		good = self.row()
		for bad, word in (
			(self.row(amount="abc"), "abc"),
			(self.row("Voucher"), "Voucher"),
			(self.row(net="400.00"), "net"),
			(self.row(currency="GB"), "currency"),
			(self.row(payment="4.03993E+17"), "rounded"),
			("only,three,cells\n", "fewer columns"),
			(self.row().strip() + ",one,more\n", "more columns"),
			("Total,,,,,,,,1.00,GBP\n", "total"),
			(good.replace("2026-11-29", "29 Nowember"), "date"),
		):
			with self.subTest(word):
				self.refused(HEAD + good + bad + self.row(), "Line 3", word)

	def test_a_file_without_the_needed_headings_is_refused(self):
		self.refused("A,B\n1,2\n", "kind")
		self.refused(b"", "empty")
		self.refused(HEAD, "no payout")

	def test_titles_above_the_headings_are_passed_over(self):
		answer = self.do_import("Remittance report\nof November\n\n" + HEAD + self.row())
		self.assertEqual(answer["new"], 1)

	def test_equal_rows_count_each(self):
		"""A gateway may report one amount twice; that the payment was paid out twice is a difference."""
		row = self.row(payment="same")
		self.do_import(HEAD + row + row)
		(payout,) = support.payouts("cashflows")
		self.assertEqual((float(payout.amount), payout.line_count), (974.44, 6))

	def test_the_same_file_in_another_order_changes_nothing(self):
		rows = [self.row(), self.row(), self.row("Refund", "50.00", "0", "0", "0", "50.00")]
		self.do_import(HEAD + "".join(rows))
		before = support.payouts("cashflows")[0].as_dict()
		answer = self.do_import(HEAD + "".join(reversed(rows)))
		self.assertEqual((answer["unchanged"], answer["new"]), (1, 0))
		self.assertEqual(support.payouts("cashflows")[0].as_dict(), before)

	def test_a_preview_records_nothing(self):
		found = imports.preview(
			"cashflows", io.BytesIO((HEAD + self.row() + self.row(amount="x")).encode()), COLUMNS
		)
		self.assertEqual((found["rows"], [problem["line"] for problem in found["problems"]]), (2, [3]))
		self.assertEqual(found["lines"][0]["amount"], "499.00")
		self.assertEqual(found["payouts"][0]["payout"], self.payout)
		self.assertFalse(support.payouts("cashflows"))
		self.assertFalse(frappe.db.exists("Payment Payout Mapping", "cashflows"))

	def test_a_preview_of_an_unknown_report_offers_its_headings(self):
		found = imports.preview("cashflows", io.BytesIO(b"Foo,Bar\n1,2\n"))
		self.assertEqual((found["headings"], found["problems"][0]["line"]), (["Foo", "Bar"], 0))

	def test_a_mapping_is_saved_with_the_import_and_used_by_the_next(self):
		self.do_import(HEAD + self.row())
		self.payout = unique("po")
		self.assertEqual(self.do_import(HEAD + self.row(), columns=None)["new"], 1)

	def test_a_mapping_with_an_unknown_kind_is_refused(self):
		self.refused(HEAD + self.row(), "Sail", columns={**COLUMNS, "kinds": "Sale = Sail"})

	def test_a_file_that_is_one_payout_is_compared_with_what_reached_the_bank(self):
		columns = {**COLUMNS, "payout_id_column": ""}
		named = Payout(self.payout, "GBP", 48700, date(2026, 11, 29))
		self.refused(HEAD + self.row(), "names no payout", columns=columns)
		self.do_import(HEAD + self.row(), columns=columns, payout=named)
		(payout,) = support.payouts("cashflows")
		self.assertEqual((payout.status, float(payout.shortfall)), ("Needs Attention", -0.22))
		self.assertIn(("Does Not Add Up", self.payout, 0.22), support.differences("cashflows"))

	def test_a_mark_of_decimals_in_the_mapping_is_followed(self):
		columns = {**COLUMNS, "decimal_mark": "Comma"}
		row = self.row(amount='"1.499,00"', fee='"9,98"', cgst='"0,90"', sgst='"0,90"', net='"1.487,22"')
		self.do_import(HEAD + row, columns=columns)
		self.assertEqual(float(support.payouts("cashflows")[0].captured_amount), 1499.0)
