"""Tax ids: what is accepted, how it is stored, and what a refusal says."""

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.ai_billing.tax_ids import InvalidTaxId, check, check_oss
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.proofs import examples
from oropendola_payments.tests.support.tax import BRITISH, GERMAN, KARNATAKA, LADAKH, MAHARASHTRA, OSS

SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class TestGstin(TestCase):
	def refused(self, number: str, sentence: str, state: str | None = None):
		with self.assertRaisesRegex(InvalidTaxId, sentence):
			check(number, "IN", state)

	def test_a_valid_number_is_stored_without_blanks_in_capitals(self):
		for typed in (MAHARASHTRA, " 27-aapfu0939f1zv ", "27 AAPFU 0939 F1ZV", "27.aapfu.0939.f1zv"):
			self.assertEqual(check(typed, "IN", "Maharashtra").number, MAHARASHTRA)
		self.assertEqual(check(KARNATAKA, "IN", "Karnataka").status, "Format Checked")

	def test_a_number_of_ladakh_is_accepted(self):
		self.assertEqual(check(LADAKH, "IN", "Ladakh").number, LADAKH)

	def test_a_wrong_last_character_is_named(self):
		self.refused("27AAPFU0939F1ZO", "last character of the GSTIN, O, does not fit")

	def test_the_first_wrong_character_is_named_with_its_place(self):
		self.refused("27AAPFU093OF1ZV", "Character 11 of the tax ID must be a digit, not O")
		self.refused("27A1PFU0939F1ZV", "Character 4 of the tax ID must be a letter, not 1")
		self.refused("27AAPFU0939F1DV", "Character 14 of the tax ID must be Z, not D")

	def test_a_missing_character_is_counted(self):
		self.refused("27AAPFU0939F1Z", "has 15 characters, and this one has 14")

	def test_a_number_of_another_state_is_refused(self):
		self.refused(
			MAHARASHTRA, "begins with 27, the number of Maharashtra, but the address is in Kerala", "Kerala"
		)
		self.refused("99AAPFU0939F1ZV", "begins with 99, which is not the number of a state")

	@settings(max_examples=examples(200), deadline=None)
	@given(st.integers(0, 14), st.sampled_from(SIGNS))
	def test_no_single_typing_mistake_goes_through(self, place, sign):
		mistyped = MAHARASHTRA[:place] + sign + MAHARASHTRA[place + 1 :]
		if mistyped != MAHARASHTRA:
			with self.assertRaises(InvalidTaxId):
				check(mistyped, "IN", None)

	@settings(max_examples=examples(200), deadline=None)
	@given(st.text(max_size=30), st.sampled_from(["IN", "DE", "NL", "FR", "GB", "GR", "US"]))
	def test_any_text_is_accepted_or_refused_in_a_sentence(self, text, code):
		try:
			check(text, code, None)
		except InvalidTaxId as refusal:
			self.assertGreater(len(str(refusal)), 20)


class TestVat(TestCase):
	def test_a_number_is_stored_with_its_prefix(self):
		for typed in (GERMAN, "de 136 695 976", "136695976"):
			self.assertEqual(check(typed, "DE", None).number, GERMAN)
		for typed in (BRITISH, "980 7806 84", "gb980780684"):
			self.assertEqual(check(typed, "GB", None).number, BRITISH)
		self.assertEqual(check("094259216", "GR", None).number, "EL094259216")

	def test_wrong_digits_a_wrong_length_and_a_wrong_country_are_told_apart(self):
		for number, sentence in (
			("DE136695977", "The check digits of VAT number DE136695977 are wrong"),
			("DE13669597", "has 9 characters after DE, and this one has 8"),
			("DE1366959X6", "Character 10 of the tax ID must be a digit, not X"),
			("ATU13585627", "begins with AT, but those of the address's country begin with DE"),
		):
			with self.subTest(number), self.assertRaisesRegex(InvalidTaxId, sentence):
				check(number, "DE", None)
		with self.assertRaisesRegex(InvalidTaxId, "are wrong"):
			check("GB980780685", "GB", None)

	def test_a_number_of_the_one_stop_shop_is_one_of_the_seller(self):
		self.assertEqual(check_oss(OSS.lower()), OSS)
		with self.assertRaises(InvalidTaxId):
			check(OSS, "DE", None)

	def test_a_number_of_another_country_is_kept_and_counts_as_unchecked(self):
		found = check(" 12-3456789 ", "US", None)
		self.assertEqual((found.kind, found.number, found.status), ("Other", "12-3456789", "Unchecked"))
