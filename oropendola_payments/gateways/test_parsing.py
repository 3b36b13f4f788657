"""The readers of vendor data: what they read, and that anything else is None."""

import re
import unittest
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from oropendola_payments.gateways import parsing
from oropendola_payments.gateways.errors import BadAnswer
from oropendola_payments.tests.support import proofs  # noqa: F401  sets how many examples property tests try

INDIA = timezone(timedelta(hours=5, minutes=30))
NEW_YEAR = datetime(2026, 1, 1, tzinfo=timezone.utc)
ANYTHING = st.recursive(
	st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
	lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
	max_leaves=5,
)


class TestReaders(unittest.TestCase):
	def test_times_of_every_form_are_read_with_their_zone(self):
		self.assertEqual(parsing.unix_time(1767225600), NEW_YEAR)
		self.assertEqual(parsing.unix_time_ms(1767225600000), NEW_YEAR)
		for text in ("2026-01-01T00:00:00Z", "2026-01-01T05:30:00+05:30"):
			self.assertEqual(parsing.iso_time(text), NEW_YEAR)
		self.assertEqual(parsing.iso_time("2026-01-01T05:30:00", INDIA), NEW_YEAR)
		self.assertEqual(parsing.local_time("2026-01-01 05:30:00", INDIA), NEW_YEAR)

	def test_a_time_without_a_zone_or_out_of_range_is_not_read(self):
		for seconds in (0, -1, 4_102_444_800, True, 1.5, "1767225600", None):
			self.assertIsNone(parsing.unix_time(seconds), seconds)
		for milliseconds in (0, 10**14, True, None):
			self.assertIsNone(parsing.unix_time_ms(milliseconds), milliseconds)
		for text in ("2026-01-01T00:00:00", "yesterday", "", 5, "2026-01-01T00:00:00Z" + " " * 40):
			self.assertIsNone(parsing.iso_time(text), text)
		self.assertIsNone(parsing.local_time("1 January", INDIA))

	def test_an_amount_in_minor_units_needs_its_currency(self):
		read = parsing.minor_amount
		self.assertEqual(
			read({"amount": 835, "currency": "inr"}, "amount", lambda code: 2), (Decimal("8.35"), "INR")
		)
		for entity in (
			{"amount": 835},
			{"amount": 8.35, "currency": "INR"},
			{"amount": True, "currency": "INR"},
		):
			self.assertEqual(read(entity, "amount", lambda code: 2), (None, None))

	def test_sentences_are_one_line_without_addresses(self):
		self.assertEqual(parsing.sentence_of("Bank\nsaid no\ud800 to asha@example.com"), "Bank said no  to …")
		self.assertEqual(parsing.sentence_of("x" * 600, 5), "xxxxx")
		self.assertIsNone(parsing.sentence_of("\n"))

	def test_only_whole_matches_and_web_addresses_are_accepted(self):
		self.assertEqual(parsing.matching(re.compile(r"\d+"), "12"), "12")
		for value in ("12\n", "a12", 12, None):
			self.assertIsNone(parsing.matching(re.compile(r"\d+"), value))
		self.assertEqual(parsing.web_address("https://bank.example"), "https://bank.example")
		self.assertIsNone(parsing.web_address("javascript:alert(1)"))

	def test_an_unreadable_entity_in_an_answer_is_a_bad_answer(self):
		with self.assertRaisesRegex(BadAnswer, "Acme answered no refund where one is expected"):
			parsing.read_entity("Acme", lambda value: parsing.entity_of(value, "refund"), [])

	def test_json_is_exact_and_anything_else_is_a_bad_answer(self):
		self.assertEqual(parsing.parse_object(b'{"a": 8.35}', "Acme"), {"a": Decimal("8.35")})
		for body in (b"", b"[]", b"{", b"\xff", b'{"a": NaN}', b"[" * 99_999):
			with self.subTest(body[:9]), self.assertRaises(BadAnswer):
				parsing.parse_object(body, "Acme")

	@given(ANYTHING)
	def test_any_value_is_read_or_none(self, value):
		readers = (
			parsing.short_text,
			parsing.sentence_of,
			parsing.web_address,
			parsing.whole_number,
			parsing.unix_time,
			parsing.unix_time_ms,
			parsing.iso_time,
		)
		for reader in readers:
			reader(value)
		self.assertIsNone(parsing.member(value, "no such name", 0))
		self.assertIsInstance(parsing.entries_in(value), list)


if __name__ == "__main__":
	unittest.main()
