"""Every mistake that a gateway's page warns of has a test that names it in its docstring."""

import ast
import re
import unittest

from oropendola_payments.gateways import BUILT_IN
from oropendola_payments.tests.source.test_threat_model import files_with_tests
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.source import ROOT, statements, tree_of

PAGES = ROOT / "docs" / "gateways"
HEADING = "## What integrators get wrong\n"
ROW = re.compile(r"^\| (\d+) \|", re.MULTILINE)
NAMED = re.compile(r"\b([a-z]+)\.md pitfalls? (\d+(?:(?:, | and )\d+)*)")


def pitfalls_on_page(code: str) -> list[int]:
	"""The numbers of the rows in the page's section."""
	_before, _heading, section = (PAGES / f"{code}.md").read_text(encoding="utf-8").partition(HEADING)
	return [int(number) for number in ROW.findall(section.partition("\n## ")[0])]


def docstrings_of_tests() -> list[str]:
	"""Docstrings of test functions only, not of modules."""
	nodes = [node for path in files_with_tests() for node in statements(tree_of(path))]
	is_test = (isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in nodes)
	return [ast.get_docstring(node) or "" for node, wanted in zip(nodes, is_test, strict=True) if wanted]


def pitfalls_in(text: str) -> set[tuple[str, int]]:
	found = NAMED.findall(text)
	return {(code, int(number)) for code, numbers in found for number in re.findall(r"\d+", numbers)}


@unittest.skipUnless(PAGES.exists(), "The documents are not installed with the app.")
class TestPitfalls(TestCase):
	def test_every_page_numbers_its_pitfalls_without_a_gap(self):
		for code in BUILT_IN:
			numbers = pitfalls_on_page(code)
			self.assertTrue(numbers, code)
			self.assertEqual(numbers, list(range(1, len(numbers) + 1)), code)

	def test_every_pitfall_has_a_test_and_no_test_names_an_unknown_one(self):
		wanted = {(code, number) for code in BUILT_IN for number in pitfalls_on_page(code)}
		named = set().union(*map(pitfalls_in, docstrings_of_tests()))
		self.assertEqual((sorted(wanted - named), sorted(named - wanted)), ([], []))

	def test_references_to_pitfalls_are_recognized(self):
		text = "S1, razorpay.md pitfalls 1 and 2: a body; stripe.md pitfall 10."
		self.assertEqual(pitfalls_in(text), {("razorpay", 1), ("razorpay", 2), ("stripe", 10)})
