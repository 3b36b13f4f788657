"""Exports of a period: tables, JSON and CSV that no spreadsheet takes for formulas."""

import csv
import io
import json
from datetime import timedelta
from decimal import Decimal

import frappe
from frappe.utils import getdate, nowdate

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.engine.documents.credit_notes import issue_for_refund
from oropendola_payments.engine.documents.issue import issue_for_invoice
from oropendola_payments.engine.documents.reissue import reissue
from oropendola_payments.engine.exports import einvoice, gstr1
from oropendola_payments.engine.exports.files import (
	MOST_DAYS,
	as_csv,
	contents,
	export,
	one_stop_shop,
	safe_cell,
)
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.tax import EU_OSS, LUT, MAHARASHTRA, OSS, profile
from oropendola_payments.tests.support.tax_documents import (
	DocumentCase,
	customer_in,
	exchange_rate,
	paid_invoice,
	refund,
)


class ExportCase(DocumentCase):
	registrations = (LUT,)

	def issue(self, user: str, **values) -> str:
		invoice = paid_invoice(user, **values).name
		number = issue_for_invoice(invoice)
		self.assertTrue(number, frappe.db.get_value("AI Invoice", invoice, "document_problem"))
		return number

	def credit(self, number: str, amount: str) -> str:
		return issue_for_refund(refund(frappe.db.get_value("AI Tax Document", number, "invoice"), amount))

	def facts(self) -> list[dict]:
		today = getdate(nowdate())
		day = timedelta(days=1)  # the seller's day may not be the site's
		return list(contents(today - day, today + day, self.registration))

	def tables(self) -> dict:
		found = gstr1.tables(self.facts())
		return {
			name: [dict(zip(gstr1.TABLES[name], row, strict=True)) for row in rows]
			for name, rows in found.items()
		}


class TestGstr1(ExportCase):
	def test_each_sale_is_in_the_table_of_its_buyer(self):
		exchange_rate("88.1234")
		company = self.issue(customer_in("Maharashtra", tax_id=MAHARASHTRA))
		large = self.issue(customer_in("Kerala"), price="100000.00")
		self.issue(customer_in("Kerala"))
		self.issue(customer_in("Karnataka"))
		abroad = self.issue(customer_in("", "US"), price="49.00", currency="USD")
		tables = self.tables()
		self.assertEqual([row["Invoice Number"] for row in tables["b2b"]], [company])
		self.assertEqual([row["Invoice Number"] for row in tables["b2cl"]], [large])
		self.assertEqual(
			[(row["Place Of Supply"], row["Rate"], row["Taxable Value"]) for row in tables["b2cs"]],
			[("29-Karnataka", 18, Decimal("499.00")), ("32-Kerala", 18, Decimal("499.00"))],
		)
		self.assertEqual(
			[
				(row["Invoice Number"], row["Export Type"], row["Invoice Value"], row["Rate"])
				for row in tables["exp"]
			],
			[(abroad, "WOPAY", Decimal("4318.05"), 0)],
		)

	def test_a_row_of_a_company_has_number_date_value_place_and_rate(self):
		number = self.issue(customer_in("Maharashtra", tax_id=MAHARASHTRA, legal_name="Example LLP"))
		row = self.tables()["b2b"][0]
		self.assertEqual((row["GSTIN/UIN of Recipient"], row["Receiver Name"]), (MAHARASHTRA, "Example LLP"))
		self.assertEqual(
			(row["Invoice Value"], row["Taxable Value"], row["Rate"]),
			(Decimal("588.82"), Decimal("499.00"), 18),
		)
		self.assertEqual(
			(row["Place Of Supply"], row["Reverse Charge"], row["Invoice Type"]),
			("27-Maharashtra", "N", "Regular B2B"),
		)
		self.assertEqual(
			row["Invoice date"],
			frappe.db.get_value("AI Tax Document", number, "issue_date").strftime("%d-%b-%Y"),
		)

	def test_credit_notes_are_listed_or_netted_like_their_documents(self):
		exchange_rate("88.1234")
		company = self.issue(customer_in("Maharashtra", tax_id=MAHARASHTRA))
		large = self.issue(customer_in("Kerala"), price="100000.00")
		small = self.issue(customer_in("Karnataka"))
		abroad = self.issue(customer_in("", "US"), price="49.00", currency="USD")
		notes = [self.credit(number, "10") for number in (company, large, small, abroad)]
		tables = self.tables()
		self.assertEqual([row["Note Number"] for row in tables["cdnr"]], [notes[0]])
		self.assertEqual(
			[(row["UR Type"], row["Note Number"]) for row in tables["cdnur"]],
			[("B2CL", notes[1]), ("EXPWOP", notes[3])],
		)
		self.assertEqual([row["Taxable Value"] for row in tables["b2cs"]], [Decimal("490.52")])

	def test_a_number_that_the_authority_rejected_makes_no_company(self):
		user = customer_in("Maharashtra", tax_id=MAHARASHTRA, status="Rejected")
		number = self.issue(user)
		tables = self.tables()
		self.assertEqual((tables["b2b"], len(tables["b2cs"])), ([], 1))
		self.assertFalse(einvoice.needs_one(self.facts()[0]))
		document = frappe.get_doc("AI Tax Document", number)
		self.assertEqual((document.buyer_tax_id, document.treatment), ("", "B2C"))

	def test_a_document_that_replaces_another_is_listed_by_its_own_value(self):
		user = customer_in("Kerala")
		large = self.issue(user, price="100000.00")
		self.credit(large, "60000")
		invoice = frappe.db.get_value("AI Tax Document", large, "invoice")
		profile.save(user, {"state": "Goa"})
		reissue(invoice, "The customer sent the right state")
		tables = self.tables()
		self.assertEqual([row["Invoice Number"] for row in tables["b2cl"]], [large])
		self.assertIn("30-Goa", [row["Place Of Supply"] for row in tables["b2cs"]])

	def test_the_summary_by_code_adds_up_and_tells_companies_apart(self):
		self.issue(customer_in("Maharashtra", tax_id=MAHARASHTRA))
		self.credit(self.issue(customer_in("Karnataka")), "100")
		tables = self.tables()
		first, second = tables["hsn_b2b"][0], tables["hsn_b2c"][0]
		self.assertEqual((first["HSN"], first["Integrated Tax Amount"]), ("998315", Decimal("89.82")))
		self.assertEqual((second["Taxable Value"], second["Central Tax Amount"], second["State/UT Tax Amount"]),
			(Decimal("414.26"), Decimal("37.28"), Decimal("37.28")))  # fmt: skip

	def test_the_serial_numbers_used_are_listed_for_each_series(self):
		numbers = [self.issue(customer_in()) for _round in range(3)]
		note = self.credit(numbers[0], "1")
		rows = [tuple(row.values()) for row in self.tables()["docs"]]
		self.assertEqual(rows, [
			("Invoices for outward supply", numbers[0], numbers[2], 3, 0), ("Credit Note", note, note, 1, 0),
		])  # fmt: skip

	def test_the_millionth_number_of_a_series_is_its_last(self):
		self.issue(customer_in())
		(facts,) = self.facts()
		documents = [{**facts, "number": f"INV2627-{count}"} for count in ("999999", "1000000")]
		((_nature, first, last, count, _cancelled),) = gstr1.tables(documents)["docs"]
		self.assertEqual((first, last, count), ("INV2627-999999", "INV2627-1000000", 2))


class TestEInvoice(ExportCase):
	def test_the_json_of_a_company_has_parties_item_and_sums(self):
		self.issue(
			customer_in(
				"Maharashtra",
				tax_id=MAHARASHTRA,
				city="Pune",
				pincode="411001",
				address_line1="2 Sample Street",
			)
		)
		found = einvoice.bulk(self.facts())
		self.assertEqual(len(found), 1)
		json_of = found[0]
		self.assertEqual(json_of["TranDtls"], {"TaxSch": "GST", "SupTyp": "B2B", "RegRev": "N"})
		self.assertEqual(
			(json_of["DocDtls"]["Typ"], json_of["BuyerDtls"]["Gstin"], json_of["BuyerDtls"]["Pos"]),
			("INV", MAHARASHTRA, "27"),
		)
		self.assertEqual((json_of["SellerDtls"]["Pin"], json_of["BuyerDtls"]["Pin"]), (560001, 411001))
		item, sums = json_of["ItemList"][0], json_of["ValDtls"]
		self.assertEqual(
			(item["HsnCd"], item["IsServc"], item["AssAmt"], item["GstRt"], item["IgstAmt"]),
			("998315", "Y", 499.0, 18.0, 89.82),
		)
		self.assertEqual((sums["AssVal"], sums["IgstVal"], sums["TotInvVal"]), (499.0, 89.82, 588.82))

	def test_an_export_is_reported_in_rupees_with_its_country(self):
		exchange_rate("88.1234")
		self.issue(customer_in("", "US"), price="49.00", currency="USD")
		json_of = einvoice.bulk(self.facts())[0]
		self.assertEqual(json_of["ExpDtls"], {"CntCode": "US", "ForCur": "USD"})
		self.assertEqual(
			(json_of["TranDtls"]["SupTyp"], json_of["BuyerDtls"]["Gstin"], json_of["BuyerDtls"]["Pin"]),
			("EXPWOP", "URP", 999999),
		)
		self.assertEqual(
			(json_of["ValDtls"]["TotInvVal"], json_of["ValDtls"]["TotInvValFc"]), (4318.05, 49.0)
		)

	def test_a_credit_note_names_the_invoice(self):
		number = self.issue(customer_in("Maharashtra", tax_id=MAHARASHTRA))
		self.credit(number, "100")
		note = next(row for row in einvoice.bulk(self.facts()) if row["DocDtls"]["Typ"] == "CRN")
		self.assertEqual(note["RefDtls"]["PrecDocDtls"][0]["InvNo"], number)

	def test_sales_to_consumers_are_not_reported(self):
		self.issue(customer_in())
		self.assertEqual(einvoice.bulk(self.facts()), [])


class TestOneStopShop(ExportCase):
	registrations = (
		LUT,
		{**EU_OSS, "document_prefix": "", "legal_name": None, "address": None, "service_code": None},
	)

	def test_vat_counts_whatever_the_rule_calls_it(self):
		label = {"parent": "EU OSS: DE", "label": "VAT"}
		frappe.db.set_value("AI Tax Rule Line", label, "label", "MwSt.")
		forget("AI Tax Rule")
		frappe.db.commit()
		exchange_rate("99.10", "EUR")
		self.issue(customer_in("", "DE"), price="29.00", currency="EUR")
		((_quarter, country, rate, *_amounts),) = one_stop_shop(self.facts())
		self.assertEqual((country, rate), ("Germany", 19))

	def test_net_and_vat_are_summed_by_quarter_country_and_rate_less_credit_notes(self):
		exchange_rate("99.10", "EUR")
		user = customer_in("", "DE")
		first = self.issue(user, price="29.00", currency="EUR")
		self.issue(user, price="29.00", currency="EUR")
		total = frappe.db.get_value("AI Tax Document", first, "total_amount")
		self.credit(first, total)
		rows = one_stop_shop(self.facts())
		self.assertEqual(len(rows), 1)
		quarter, country, rate, currency, net, vat, _corrects = rows[0]
		self.assertRegex(quarter, r"^20\d\d-Q[1-4]$")
		self.assertEqual(
			(country, rate, currency, net, vat), ("Germany", 19, "EUR", Decimal("29.00"), Decimal("5.51"))
		)

	def test_a_credit_note_for_an_earlier_quarter_corrects_that_quarter_in_a_row_of_its_own(self):
		exchange_rate("99.10", "EUR")
		user = customer_in("", "DE")
		first = self.issue(user, price="29.00", currency="EUR")
		self.credit(first, frappe.db.get_value("AI Tax Document", first, "total_amount"))
		note, invoice = sorted(self.facts(), key=lambda facts: facts["kind"])
		self.assertEqual(note["original"]["number"], first)
		invoice["issue_date"] = note["original"]["date"] = "2026-06-30"
		note["issue_date"] = "2026-07-01"
		self.assertEqual(
			[(row[0], row[4], row[5], row[6]) for row in one_stop_shop([invoice, note])],
			[
				("2026-Q2", Decimal("29.00"), Decimal("5.51"), ""),
				("2026-Q3", Decimal("-29.00"), Decimal("-5.51"), "2026-Q2"),
			],
		)

	def test_a_refund_of_a_document_that_replaced_one_of_an_earlier_quarter_corrects_that_quarter(self):
		exchange_rate("99.10", "EUR")
		user = customer_in("", "DE")
		first = self.issue(user, price="29.00", currency="EUR")
		profile.save(user, {"legal_name": "Example Ltd"})
		frappe.db.commit()
		_note, second = reissue(frappe.db.get_value("AI Tax Document", first, "invoice"), "Wrong name")
		self.credit(second, frappe.db.get_value("AI Tax Document", second, "total_amount"))
		today = frappe.db.get_value("AI Tax Document", first, "issue_date")
		sold = today - timedelta(days=100)
		frappe.db.set_value("AI Tax Document", first, "issue_date", sold)
		self.addCleanup(frappe.db.set_value, "AI Tax Document", first, "issue_date", today)
		(note,) = (facts for facts in self.facts() if facts["original"].get("number") == second)
		((*_amounts, corrected),) = one_stop_shop([note])
		self.assertEqual(corrected, f"{sold.year}-Q{(sold.month + 2) // 3}")


class TestFiles(ExportCase):
	def period(self) -> tuple:
		today = getdate(nowdate())
		return today - timedelta(days=1), today + timedelta(days=1)

	def test_every_format_gives_a_file(self):
		self.issue(customer_in(legal_name="=cmd|' /C calc'!A0"))
		for kind, table, ending in (
			("csv", None, ".csv"), ("json", None, ".json"), ("gstr1", None, ".json"), ("gstr1", "b2cs", ".csv"),
			("einvoice", None, ".json"), ("oss", None, ".csv"),
		):  # fmt: skip
			with self.subTest(kind):
				name, _type, text = export(kind, *self.period(), self.registration, table)
				self.assertTrue(name.endswith(ending), name)
				self.assertIsNotNone(
					json.loads(text) if ending == ".json" else list(csv.reader(io.StringIO(text)))
				)

	def test_the_list_of_all_documents_has_one_row_for_each(self):
		number = self.issue(customer_in(legal_name="=cmd|' /C calc'!A0"))
		_name, _type, text = export("csv", *self.period(), self.registration)
		rows = list(csv.DictReader(io.StringIO(text)))
		self.assertEqual(
			[(row["Number"], row["Net"], row["Tax"], row["Total"]) for row in rows],
			[(number, "499.00", "89.82", "588.82")],
		)
		self.assertEqual(rows[0]["Buyer"], "'=cmd|' /C calc'!A0")

	def test_a_registration_that_does_not_exist_is_refused_and_gives_no_empty_file(self):
		self.issue(customer_in())
		with self.assertRaisesRegex(BadRequest, "There is no tax registration 29TYPO"):
			export("csv", *self.period(), "29TYPO")

	def test_bad_choices_are_refused(self):
		first, last = self.period()
		for arguments in (
			("xlsx", first, last), ("csv", last, first), ("gstr1", first, last, None, "b2x"), ("csv", first, last, None, "b2b"),
			("csv", first - timedelta(days=MOST_DAYS), last),
		):  # fmt: skip
			with self.assertRaises(BadRequest):
				export(*arguments)


class TestTwoRegistrations(ExportCase):
	"""The seller moved to another State, so a period has documents under both numbers."""

	registrations = (
		{"valid_to": "2099-12-30"}, {"number": MAHARASHTRA, "valid_from": "2099-12-31", "document_prefix": ""}, EU_OSS,
	)  # fmt: skip

	period = TestFiles.period

	def test_the_returns_of_two_gst_numbers_are_not_mixed(self):
		mine, others = (self.issue(customer_in()) for _round in range(2))
		other = frappe.db.get_value("AI Tax Registration", {"number": MAHARASHTRA})
		abroad = frappe.db.get_value("AI Tax Registration", {"number": OSS})
		self.assertIn(mine, export("gstr1", *self.period())[2])
		frappe.db.set_value("AI Tax Document", others, "registration", other)
		frappe.db.commit()
		# Otherwise the audit of another test finds that the column is not what the document says.
		self.addCleanup(frappe.db.commit)
		self.addCleanup(frappe.db.set_value, "AI Tax Document", others, "registration", self.registration)
		for kind in ("gstr1", "einvoice"):
			with self.assertRaisesRegex(BadRequest, "Please choose one of these registrations"):
				export(kind, *self.period())
			with self.assertRaisesRegex(BadRequest, "for registrations in India"):
				export(kind, *self.period(), abroad)
		text = export("gstr1", *self.period(), self.registration)[2]
		self.assertEqual((mine in text, others in text), (True, False))


class TestCells(TestCase):
	def test_text_that_begins_like_a_formula_is_disarmed(self):
		"""S59."""
		for text in ("=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1"):
			self.assertEqual(safe_cell(text), f"'{text}")

	def test_numbers_and_ordinary_text_stay_as_they_are(self):
		self.assertEqual(
			[safe_cell(value) for value in (Decimal("-5.00"), 3, "27-Maharashtra", "")],
			["-5.00", "3", "27-Maharashtra", ""],
		)

	def test_quotes_and_line_breaks_survive(self):
		text = as_csv(("A",), [('say "hi"\nthere',)])
		self.assertEqual(list(csv.reader(io.StringIO(text))), [["A"], ['say "hi"\nthere']])
