"""Registrations and rules: what a manager may enter."""

import frappe

from oropendola_payments.ai_billing.places import country_named
from oropendola_payments.engine.tax import data_sets
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import unique
from oropendola_payments.tests.support.tax import GST, LADAKH, MAHARASHTRA, OSS, register, registered_seller


class TaxRecordsCase(TestCase):
	def setUp(self):
		self.enterContext(registered_seller(GST))

	def refused(self, sentence: str, insert, *arguments, **values):
		with self.assertRaisesRegex(frappe.ValidationError, sentence):
			insert(*arguments, **values)
		frappe.db.rollback()


class TestRegistration(TaxRecordsCase):
	def test_a_mistyped_number_is_refused(self):
		self.refused(
			"last character", register, "IN", scheme="GST", number="27AAPFU0939F1ZO", valid_from="2020-01-01"
		)

	def test_the_state_follows_from_the_gstin(self):
		doc = frappe.get_doc("AI Tax Registration", {"scheme": "GST"})
		self.assertEqual((doc.state, doc.country_code), ("Karnataka", "IN"))

	def test_two_registrations_of_one_scheme_cannot_be_valid_at_once(self):
		self.refused("same country, scheme and time", register, "IN", scheme="GST", number=MAHARASHTRA)
		earlier = {"valid_from": "2020-01-01", "valid_to": "2026-03-31"}
		register("IN", scheme="GST", number=MAHARASHTRA, **earlier)
		self.refused("same country, scheme and time", register, "IN", scheme="GST", number=LADAKH, **earlier)

	def test_dates_that_end_before_they_begin_are_refused(self):
		self.refused("is before", register, "GB", scheme="VAT", number="GB980780684", valid_to="2020-01-01")

	def test_a_letter_of_undertaking_needs_its_dates(self):
		doc = frappe.get_doc("AI Tax Registration", {"scheme": "GST"})
		doc.lut_number = "AD290326000123X"
		self.refused("enter its dates", doc.save)

	def test_the_one_stop_shop_is_registered_in_a_member_state(self):
		self.refused("member state", register, "US", scheme="EU OSS", number=OSS)
		self.assertEqual(register("LU", scheme="EU OSS", number=OSS.lower()).number, OSS)

	def test_a_change_is_in_the_audit_trail(self):
		name = frappe.db.get_value("AI Tax Registration", {"scheme": "GST"})
		self.assertTrue(
			frappe.db.exists("Payment Event", {"event": "tax_registration_saved", "reference_name": name})
		)


class TestRule(TaxRecordsCase):
	def rule(self, *lines: tuple[str, float], **values):
		rows = [{"label": label, "rate": rate} for label, rate in lines]
		title = unique("rule")
		return frappe.get_doc(
			{"doctype": "AI Tax Rule", "title": title, "treatment": "B2C", "lines": rows, **values}
		).insert()

	def test_rates_that_could_take_more_than_the_price_are_refused(self):
		self.refused("between 0 and 100", self.rule, ("VAT", 60), ("City", 41))

	def test_unequal_halves_are_refused(self):
		self.refused("must have the same rate", self.rule, ("CGST", 9), ("SGST", 8))

	def test_a_note_contains_known_placeholders_only(self):
		for note in ("{buyer}", "{", "{0}", "{buyer_id.__class__}"):
			self.refused("curly brackets", self.rule, note=note)
		self.assertTrue(self.rule(note="For {buyer_id} by {seller_id}, {lut}").name)

	def test_a_state_needs_its_country(self):
		self.refused("choose the country", self.rule, buyer_state="Goa")
		self.assertEqual(self.rule(buyer_country=country_named("IN")[0], buyer_state="ga").buyer_state, "Goa")

	def test_a_rule_that_is_deleted_is_in_the_audit_trail(self):
		name = self.rule(("VAT", 20)).name
		frappe.delete_doc("AI Tax Rule", name)
		self.assertTrue(
			frappe.db.exists("Payment Event", {"event": "tax_rule_deleted", "reference_name": name})
		)


class TestDataSets(TaxRecordsCase):
	def test_loading_again_keeps_what_a_manager_changed(self):
		rule = frappe.get_doc("AI Tax Rule", "India: export")
		rule.enabled = 0
		rule.save()
		answer = data_sets.load("India")
		self.assertEqual((answer["added"], frappe.db.get_value("AI Tax Rule", rule.name, "enabled")), (0, 0))
		frappe.db.commit()

	def test_rates_of_the_eu_wait_until_somebody_switches_them_on(self):
		answer = data_sets.load("European Union")
		self.assertEqual(answer["added"], answer["switched_off"])
		self.assertEqual(len({rate[:2] for rate in data_sets.EU_RATES.split("|")}), 27)

	def test_an_unknown_set_is_refused_by_name(self):
		with self.assertRaisesRegex(BadRequest, "no tax rules Mars"):
			data_sets.load("Mars")

	def test_no_two_rules_of_a_set_have_one_title(self):
		for make in data_sets.DATA_SETS.values():
			titles = [rule["title"] for rule in make()]
			self.assertEqual(len(titles), len(set(titles)))
