"""The check of arguments against their schemas, compared with a validator that was written elsewhere."""

import json
import time
from decimal import Decimal
from unittest import SkipTest

from hypothesis import given
from hypothesis import strategies as st

from oropendola_payments.exceptions import BadRequest
from oropendola_payments.mcp.tools import schema as s
from oropendola_payments.mcp.tools.catalogue import TOOLS
from oropendola_payments.tests.support.case import TestCase

SCHEMA = s.argument_schema(
	{"name": s.text("A name.", 5, "^[a-z]+$"), "count": s.whole("", 1, 3)},
	{
		"price": s.amount(""),
		"sure": s.yes_or_no(""),
		"kind": s.choice("", "a", "b"),
		"list": s.several(s.text("", 3), 1, 2),
	},
)
VALUES = st.one_of(
	st.none(), st.booleans(), st.integers(-1, 5), st.decimals(-2, 4, places=1), st.text("abc1 ", max_size=7),
	st.lists(st.text("ab", max_size=4), max_size=3), st.just({}),
)  # fmt: skip
NAMES = ("name", "count", "price", "sure", "kind", "list", "other")


def is_accepted(schema: s.Schema, value) -> bool:
	try:
		s.check(schema, value)
	except BadRequest:
		return False
	return True


class TestCheck(TestCase):
	@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.booleans())
	def test_it_agrees_with_an_independent_validator(self, value, complete):
		"""M12"""
		try:
			from jsonschema import Draft202012Validator
		except ImportError:
			raise SkipTest("jsonschema is not installed here.") from None
		if complete:
			value = {"name": "abc", "count": 2, **value}
		sent = json.loads(json.dumps(value, default=float))  # it does not know that 1.0 may be a Decimal
		self.assertEqual(is_accepted(SCHEMA, value), Draft202012Validator(SCHEMA).is_valid(sent), value)

	def test_whole_numbers_may_be_written_with_a_point(self):
		self.assertEqual(s.check(s.whole("", 1, 400), Decimal("371.0")), 371)

	def test_a_number_with_a_huge_exponent_is_refused_without_writing_it_out(self):
		begin = time.monotonic()
		for text in ("1e1000000", "-1e1000000", "1.5e1000000"):
			for schema in (s.whole("", 1, 3), s.amount("")):
				self.assertFalse(is_accepted(schema, json.loads(text, parse_float=Decimal)), text)
		self.assertLess(time.monotonic() - begin, 1)

	def test_a_sentence_says_what_is_wrong(self):
		for value, sentence in (
			({"count": 1}, "name is missing. Please send it."),
			({"name": "abc", "count": 9}, "count must be between 1 and 3."),
			(
				{"name": "abc", "count": 1, "user": "x"},
				"There is no argument user. The arguments are: name, count, price, sure, kind, list.",
			),
			({"name": 7, "count": 1}, "name must be text."),
			({"name": "abc", "count": 1, "kind": "c"}, "kind must be one of: a, b."),
		):
			with self.assertRaisesRegex(BadRequest, sentence.replace(".", r"\.")):
				s.check(SCHEMA, value)

	def test_characters_that_cannot_be_stored_are_refused(self):
		for text in ("a\x00", "\ud800", "a\x1b[2J"):
			with self.assertRaises(BadRequest):
				s.check(s.text(), text)


class TestTools(TestCase):
	def test_names_are_unique_and_allowed(self):
		names = [tool.name for tool in TOOLS]
		self.assertEqual(len(names), len(set(names)))
		for name in names:
			self.assertRegex(name, r"^[A-Za-z0-9_.-]{1,128}$")

	def test_every_tool_is_described_in_json(self):
		for tool in TOOLS:
			shown = json.loads(json.dumps(tool.described()))
			self.assertEqual(shown["inputSchema"]["type"], "object", tool.name)
			self.assertIs(shown["inputSchema"]["additionalProperties"], False, tool.name)
			self.assertEqual(shown["outputSchema"]["type"], "object", tool.name)
			self.assertEqual(len(shown["annotations"]), 5, tool.name)
			self.assertLess(20, len(tool.description), tool.name)

	def test_what_only_reads_destroys_nothing(self):
		for tool in TOOLS:
			self.assertFalse(tool.reads and tool.destroys, tool.name)
			self.assertFalse(tool.with_key and not tool.reads, tool.name)

	def test_schemas_are_valid(self):
		try:
			from jsonschema import Draft202012Validator
		except ImportError:
			raise SkipTest("jsonschema is not installed here.") from None
		for tool in TOOLS:
			Draft202012Validator.check_schema(tool.arguments)
			Draft202012Validator.check_schema(tool.answer)
