"""The tax of a sale: who is registered where, and who buys from where."""

from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.engine.tax.quote import quote
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import payment_settings
from oropendola_payments.tests.support.tax import (
	BRITISH,
	EU_OSS,
	GERMAN,
	GST,
	LADAKH,
	LUT,
	MAHARASHTRA,
	OSS,
	UK,
	amounts,
	create_buyer,
	register,
	registered_seller,
)

RUPEES = Decimal("499.00")


class TaxTestCase(TestCase):
	registrations: tuple[dict, ...] = (GST,)

	def setUp(self):
		super().setUp()
		self.enterContext(registered_seller(*self.registrations))

	def quote(self, user: str, price: str = "499.00", currency: str = "INR", **values):
		return quote(Decimal(price), currency, user, **values)


class TestSellerInKarnataka(TaxTestCase):
	def test_a_buyer_in_the_same_state_pays_two_halves(self):
		found = self.quote(create_buyer("IN", state="Karnataka"))
		self.assertEqual(amounts(found), ("44.91 CGST + 44.91 SGST", "588.82"))
		self.assertEqual((found.treatment, found.place_of_supply), ("B2C", "29-Karnataka"))

	def test_a_company_in_another_state_pays_igst(self):
		found = self.quote(create_buyer("IN", state="27", tax_id=MAHARASHTRA))
		self.assertEqual(amounts(found), ("89.82 IGST", "588.82"))
		self.assertEqual((found.treatment, found.place_of_supply), ("B2B", "27-Maharashtra"))

	def test_the_same_price_may_differ_by_one_paisa_between_states(self):
		here, there = create_buyer("IN", state="Karnataka"), create_buyer("IN", state="Kerala")
		self.assertEqual(amounts(self.quote(here, "50.50")), ("4.55 CGST + 4.55 SGST", "59.60"))
		self.assertEqual(amounts(self.quote(there, "50.50")), ("9.09 IGST", "59.59"))

	def test_tax_is_cut_out_of_an_inclusive_price(self):
		here, there = create_buyer("IN", state="Karnataka"), create_buyer("IN", state="Kerala")
		for price, half, whole in (("499.00", "38.06", "76.12"), ("100.00", "7.63", "15.25")):
			for user, lines in ((here, f"{half} CGST + {half} SGST"), (there, f"{whole} IGST")):
				self.assertEqual(amounts(self.quote(user, price, inclusive=True)), (lines, price))

	def test_a_gstin_of_ladakh_is_taken_at_its_state(self):
		found = self.quote(create_buyer("IN", state="Ladakh", tax_id=LADAKH))
		self.assertEqual(amounts(found), ("89.82 IGST", "588.82"))

	def test_the_sellers_state_is_never_taken_for_the_buyers(self):
		found = self.quote(create_buyer("IN"))
		self.assertEqual((found.missing, found.treatment, found.lines), (("state",), "Incomplete", ()))
		self.assertEqual(found.place_of_supply, "")

	def test_without_a_country_the_tax_is_not_known(self):
		self.assertEqual(self.quote(create_buyer()).missing, ("country",))

	def test_a_buyer_abroad_needs_no_state(self):
		self.assertEqual(self.quote(create_buyer("US"), "49.00", "USD").missing, ())

	def test_a_special_economic_zone_in_the_same_state_pays_igst(self):
		"""Only staff say that a buyer is in one."""
		user = create_buyer("IN", state="Karnataka", tax_id=GST["number"], is_sez=True)
		found = self.quote(user)
		self.assertEqual((amounts(found), found.treatment), (("89.82 IGST", "588.82"), "SEZWP"))
		self.assertIn("SEZ UNIT OR SEZ DEVELOPER", found.note)

	def test_an_export_without_a_letter_of_undertaking_carries_igst(self):
		found = self.quote(create_buyer("US"), "49.00", "USD")
		self.assertEqual((amounts(found), found.treatment), (("8.82 IGST", "57.82"), "EXPWP"))
		self.assertIn("ON PAYMENT OF INTEGRATED TAX", found.note)

	def test_a_union_territory_pays_utgst(self):
		frappe.db.set_value("AI Tax Registration", {"scheme": "GST"}, {"state": "Chandigarh"})
		forget("AI Tax Registration")
		frappe.db.commit()
		found = self.quote(create_buyer("IN", state="Chandigarh"))
		self.assertEqual(amounts(found)[0], "44.91 CGST + 44.91 UTGST")


class TestSellerWithLut(TaxTestCase):
	registrations = ({**GST, **LUT},)

	def test_a_special_economic_zone_pays_no_tax(self):
		found = self.quote(create_buyer("IN", state="Karnataka", tax_id=GST["number"], is_sez=True))
		self.assertEqual((amounts(found), found.treatment), (("0.00 IGST", "499.00"), "SEZWOP"))
		self.assertIn("SEZ UNIT", found.note)

	def test_a_zone_whose_number_was_rejected_is_taxed_like_a_consumer(self):
		user = create_buyer("IN", state="Karnataka", tax_id=GST["number"], status="Rejected", is_sez=True)
		found = self.quote(user)
		self.assertEqual((amounts(found)[0], found.treatment), ("44.91 CGST + 44.91 SGST", "B2C"))

	def test_an_export_in_foreign_currency_is_free_of_tax_and_says_so(self):
		found = self.quote(create_buyer("US"), "49.00", "USD")
		self.assertEqual((amounts(found), found.treatment), (("0.00 IGST", "49.00"), "EXPWOP"))
		self.assertEqual(found.place_of_supply, "96-Other Countries")
		self.assertTrue(found.note.startswith("SUPPLY MEANT FOR EXPORT UNDER BOND OR LETTER OF UNDERTAKING"))
		self.assertIn(LUT["lut_number"], found.note)

	def test_a_buyer_abroad_who_pays_in_rupees_is_taxed(self):
		self.assertEqual(amounts(self.quote(create_buyer("US"))), ("89.82 IGST", "588.82"))

	def test_a_letter_that_has_ended_does_not_count(self):
		found = self.quote(create_buyer("US"), "49.00", "USD", on="2099-04-01")
		self.assertEqual(found.treatment, "EXPWP")


class TestSellerInSeveralPlaces(TaxTestCase):
	registrations = ({**GST, **LUT}, EU_OSS, UK)

	def test_a_confirmed_company_in_the_eu_pays_no_vat_and_gets_both_notes(self):
		user = create_buyer("DE", tax_id=GERMAN, status="Confirmed")
		found = self.quote(user, "29.00", "EUR", inclusive=True)
		self.assertEqual(amounts(found), ("0.00 IGST", "29.00"))
		self.assertIn(f"Reverse charge. VAT number of the customer: {GERMAN}", found.note)
		self.assertIn("LETTER OF UNDERTAKING", found.note)
		self.assertEqual(
			{row["number"] for row in found.seller["registrations"]}, {GST["number"], OSS, BRITISH}
		)

	def test_a_vat_number_that_nobody_confirmed_is_charged_like_a_consumer(self):
		found = self.quote(create_buyer("DE", tax_id=GERMAN), "29.00", "EUR", inclusive=True)
		self.assertEqual(amounts(found), ("0.00 IGST + 4.63 VAT", "29.00"))
		self.assertEqual(found.net, Decimal("24.37"))
		self.assertIn(OSS, found.note)

	def test_a_british_consumer_pays_vat(self):
		found = self.quote(create_buyer("GB"), "20.00", "GBP", inclusive=True)
		self.assertEqual((found.net, found.tax), (Decimal("16.67"), Decimal("3.33")))

	def test_a_british_company_accounts_for_the_vat_itself(self):
		found = self.quote(create_buyer("GB", tax_id=BRITISH), "20.00", "GBP", inclusive=True)
		self.assertEqual((found.net, found.tax), (Decimal("20.00"), Decimal("0.00")))
		self.assertIn("Reverse charge", found.note)

	def test_the_main_registration_is_not_the_one_stop_shop(self):
		found = self.quote(create_buyer("DE"), "29.00", "EUR")
		self.assertEqual(found.seller["tax_id"], GST["number"])

	def test_a_local_registration_takes_the_place_of_the_one_stop_shop(self):
		register("DE", scheme="VAT", number=GERMAN)
		frappe.db.commit()
		found = self.quote(create_buyer("DE"), "29.00", "EUR")
		self.assertEqual(amounts(found), ("0.00 IGST + 5.51 VAT", "34.51"))


class TestOtherSellers(TaxTestCase):
	registrations = (EU_OSS,)

	def test_a_country_without_a_rule_carries_no_tax_and_is_named(self):
		found = self.quote(create_buyer("US"), "49.00", "USD")
		self.assertEqual((amounts(found), found.treatment, found.missing), (("", "49.00"), "No Rule", ()))

	def test_three_decimals_and_none_are_rounded_to_their_currency(self):
		user = create_buyer("FI")
		self.assertEqual(amounts(self.quote(user, "1.005", "KWD")), ("0.256 VAT", "1.261"))
		self.assertEqual(amounts(self.quote(user, "333", "JPY")), ("85 VAT", "418"))

	def test_a_registration_counts_from_its_first_to_its_last_day(self):
		frappe.db.set_value("AI Tax Registration", {"scheme": "EU OSS"}, "valid_to", "2026-12-31")
		forget("AI Tax Registration")
		frappe.db.commit()
		user = create_buyer("DE")
		for day, treatment in (
			("2026-03-31", ""),
			("2026-04-01", "OSS"),
			("2026-12-31", "OSS"),
			("2027-01-01", ""),
		):
			self.assertEqual(self.quote(user, "29.00", "EUR", on=day).treatment, treatment, day)

	def test_a_rule_that_is_switched_off_does_not_count(self):
		rule = frappe.get_doc("AI Tax Rule", "EU OSS: DE")
		rule.enabled = 0
		rule.save()
		frappe.db.commit()
		self.assertEqual(self.quote(create_buyer("DE"), "29.00", "EUR").treatment, "No Rule")

	def test_a_new_rate_counts_from_its_day(self):
		rule = frappe.get_doc("AI Tax Rule", "EU OSS: DE")
		line = {"label": "VAT", "rate": 20}
		new = {"title": "EU OSS: DE 2027", "valid_from": "2027-01-01", "lines": [line]}
		same = {name: rule.get(name) for name in ("buyer_country", "seller_scheme", "priority", "treatment")}
		frappe.get_doc({"doctype": "AI Tax Rule", **same, **new}).insert()
		rule.valid_to = "2026-12-31"
		rule.save()
		frappe.db.commit()
		user = create_buyer("DE")
		for day, tax in (("2026-12-31", "19.00"), ("2027-01-01", "20.00")):
			self.assertEqual(str(self.quote(user, "100.00", "EUR", on=day).tax), tax)


class TestUnregisteredSeller(TestCase):
	def test_the_one_rate_of_the_settings_is_for_everybody(self):
		with payment_settings(tax_rate=18, tax_label="GST", prices_include_tax=0):
			for user in (create_buyer(), create_buyer("US"), create_buyer("IN")):
				found = quote(RUPEES, "INR", user)
				self.assertEqual((amounts(found), found.missing), (("89.82 GST", "588.82"), ()))

	def test_without_a_rate_there_is_no_line(self):
		with payment_settings(tax_rate=0):
			self.assertEqual(quote(RUPEES, "INR", create_buyer("IN")).lines, ())

	def test_prices_in_a_listed_currency_include_tax(self):
		with payment_settings(tax_rate=20, prices_include_tax=0, tax_inclusive_currencies="eur, GBP"):
			user = create_buyer()
			self.assertEqual(quote(Decimal("20.00"), "GBP", user).net, Decimal("16.67"))
			self.assertEqual(quote(Decimal("20.00"), "INR", user).total, Decimal("24.00"))
