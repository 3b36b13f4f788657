"""The record of a billing profile: what it refuses, what it sets itself, and what is on record about it."""

import frappe

from oropendola_payments.ai_billing.tax_ids import InvalidTaxId
from oropendola_payments.engine.tax import profile
from oropendola_payments.exceptions import NotAllowed, Unprocessable
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user, create_user
from oropendola_payments.tests.support.tax import GERMAN, KARNATAKA, MAHARASHTRA, create_buyer

OTHER_NUMBER = "29AAACO1234K1ZH"


def record_of(user: str):
	return frappe.get_doc("AI Billing Profile", {"user": user})


class TestBillingProfile(TestCase):
	def refused(self, sentence: str, error=Unprocessable, **values):
		user = create_user()
		with self.assertRaisesRegex(error, sentence):
			profile.save(user, values)
		self.assertFalse(frappe.db.exists("AI Billing Profile", {"user": user}))

	def test_bad_input_is_refused_and_saves_nothing(self):
		self.refused("no country Atlantis", country="Atlantis")
		self.refused("Bavaria is not a state of India", country="IN", state="Bavaria")
		self.refused("not an email address", billing_email="asha at example")
		self.refused("not possible here", kind="Robot")
		self.refused("choose the country", tax_id=MAHARASHTRA)
		self.refused("begins with 27", InvalidTaxId, country="IN", state="Karnataka", tax_id=MAHARASHTRA)
		self.refused("no language", language="klingon")

	def test_a_state_is_stored_by_its_name_however_it_was_typed(self):
		for typed in ("29", "KA", "karnataka", "Karnataka "):
			self.assertEqual(record_of(create_buyer("India", state=typed)).state, "Karnataka")

	def test_a_gstin_fills_in_an_empty_state(self):
		self.assertEqual(record_of(create_buyer("IN", tax_id=MAHARASHTRA)).state, "Maharashtra")

	def test_the_gst_category_follows_from_country_and_number(self):
		for buyer, category in (
			(create_buyer("IN", state="Goa"), "Unregistered"),
			(create_buyer("IN", tax_id=MAHARASHTRA), "Registered Regular"),
			(create_buyer("US"), "Overseas"),
		):
			self.assertEqual(record_of(buyer).gst_category, category)

	def test_a_zone_without_a_number_is_no_zone(self):
		user = create_buyer("IN", tax_id=KARNATAKA, is_sez=True)
		doc = record_of(user)
		doc.save(ignore_permissions=True)
		self.assertEqual(doc.gst_category, "SEZ")
		doc.tax_id = None
		doc.save(ignore_permissions=True)
		self.assertEqual(doc.gst_category, "Unregistered")

	def test_a_customer_who_enters_another_number_leaves_the_zone(self):
		user = create_buyer("IN", tax_id=KARNATAKA, is_sez=True)
		profile.save(user, {"city": "Bengaluru", "tax_id": KARNATAKA.lower()})
		self.assertEqual(record_of(user).gst_category, "SEZ")
		profile.save(user, {"tax_id": OTHER_NUMBER})
		self.assertEqual(record_of(user).gst_category, "Registered Regular")

	def test_staff_can_enter_a_number_together_with_its_zone(self):
		doc = record_of(create_buyer("IN", tax_id=KARNATAKA))
		doc.update({"tax_id": OTHER_NUMBER, "gst_category": "SEZ"})
		doc.save(ignore_permissions=True)
		self.assertEqual(doc.gst_category, "SEZ")

	def test_what_the_authority_said_cannot_be_typed(self):
		"""S56: by an insert or by a change."""
		doc = frappe.get_doc(
			{
				"doctype": "AI Billing Profile",
				"user": create_user(),
				"country": record_of(create_buyer("DE")).country,
				"tax_id": GERMAN,
				"tax_id_status": "Confirmed",
			}
		).insert(ignore_permissions=True)
		self.assertEqual(doc.tax_id_status, "Format Checked")
		doc.tax_id_status = "Confirmed"
		with self.assertRaises(NotAllowed):
			doc.save(ignore_permissions=True)

	def test_a_customer_cannot_say_to_be_in_a_zone(self):
		"""S56: it would take the tax off."""
		user = create_buyer("IN", tax_id=KARNATAKA)
		profile.save(user, {"gst_category": "SEZ", "tax_id_status": "Confirmed"})
		doc = record_of(user)
		self.assertEqual((doc.gst_category, doc.tax_id_status), ("Registered Regular", "Format Checked"))

	def test_a_confirmation_ends_with_the_number_it_was_about(self):
		user = create_buyer("DE", tax_id=GERMAN)
		profile.record_check(record_of(user).name, True, "WAPIAAAAX1")
		profile.save(user, {"city": "Berlin"})
		self.assertEqual(record_of(user).tax_id_status, "Confirmed")
		profile.save(user, {"legal_name": "Another GmbH"})
		doc = record_of(user)
		self.assertEqual((doc.tax_id_status, doc.tax_id_check_reference), ("Format Checked", None))

	def test_moving_to_another_country_drops_state_and_number(self):
		user = create_buyer("IN", tax_id=MAHARASHTRA)
		profile.save(user, {"country": "US"})
		doc = record_of(user)
		self.assertEqual((doc.state, doc.tax_id, doc.tax_id_status), (None, None, None))

	def test_every_change_is_in_the_audit_trail_without_what_was_typed(self):
		user = create_user()
		with as_user(user):
			profile.save(user, {"country": "IN", "state": "Goa", "legal_name": "Asha Example"})
			profile.save(user, {"legal_name": "Asha E. Example"})
		events = frappe.get_all(
			"Payment Event",
			{"reference_name": record_of(user).name},
			["event", "details", "actor"],
			order_by="sequence",
		)
		self.assertEqual(
			[row.event for row in events], ["billing_profile_created", "billing_profile_changed"]
		)
		self.assertEqual(frappe.parse_json(events[-1].details), {"fields": ["legal_name"]})
		self.assertEqual(events[-1].actor, user)
		self.assertNotIn("Example", "".join(row.details for row in events))

	def test_a_profile_is_never_deleted(self):
		doc = record_of(create_buyer("US"))
		with self.assertRaises(NotAllowed):
			doc.delete(ignore_permissions=True)
