"""A key is shown once; what is stored cannot be used in its place."""

import hashlib
import re

import frappe
from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import (
	ALPHABET,
	hash_key,
	is_well_formed,
	make_key,
)
from oropendola_payments.exceptions import NotAllowed
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_plan, create_user, unique
from oropendola_payments.tests.support.proofs import examples


class TestKeyText(TestCase):
	def test_a_key_has_a_prefix_and_a_valid_checksum(self):
		key = make_key()
		self.assertTrue(re.fullmatch(r"oro_[0-9A-Za-z]{49}", key))
		self.assertTrue(is_well_formed(key))
		self.assertEqual(hash_key(key), hashlib.sha256(key.encode()).hexdigest())

	def test_two_new_keys_differ(self):
		self.assertEqual(len({make_key() for _number in range(500)}), 500)

	def test_text_that_is_no_key_is_refused_without_a_query(self):
		key = make_key()
		for text in (
			"",
			"oro_",
			key[:-1],
			key + "a",
			key[4:],
			key.lower(),
			key.replace("oro_", "ore_"),
			"oro_é" + key[5:],
			None,
			5,
		):
			self.assertFalse(is_well_formed(text), text)

	@settings(max_examples=examples(200), deadline=None)
	@given(place=st.integers(4, 52), letter=st.sampled_from(ALPHABET))
	def test_a_typo_in_a_key_is_refused_without_a_query(self, place, letter):
		key = make_key()
		typo = key[:place] + letter + key[place + 1 :]
		self.assertEqual(is_well_formed(typo), typo == key)


class TestStoredKey(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		from oropendola_payments.engine.subscriptions.lifecycle import subscribe

		answer = subscribe(create_user(), create_plan(price=0, is_free=1).name, None)
		cls.key, subscription = answer["api_key"], answer["subscription_id"]
		cls.doc = frappe.get_doc("AI API Key", {"subscription": subscription})

	def test_only_the_hash_and_the_prefix_are_stored(self):
		"""S15."""
		self.assertEqual(self.doc.key_hash, hash_key(self.key))
		self.assertEqual(self.doc.key_prefix, self.key[:12])
		self.assertNotIn(self.key[12:], frappe.as_json(self.doc.as_dict()))

	def test_a_form_cannot_reactivate_or_replace_a_key(self):
		for field, value in {
			"status": "Revoked",
			"key_hash": "0" * 64,
			"key_prefix": "oro_",
			"suspended": 1,
		}.items():
			doc = frappe.get_doc("AI API Key", self.doc.name)
			doc.set(field, value)
			with self.subTest(field=field), self.assertRaises(NotAllowed):
				doc.save(ignore_permissions=True)
		self.assertEqual(frappe.db.get_value("AI API Key", self.doc.name, "key_hash"), hash_key(self.key))

	def test_a_key_hash_is_unique(self):
		again = frappe.new_doc("AI API Key")
		again.update({**self.doc.as_dict(no_default_fields=True), "key_prefix": unique("oro")})
		with self.assertRaises(frappe.UniqueValidationError):
			again.db_insert()
		frappe.db.rollback()
