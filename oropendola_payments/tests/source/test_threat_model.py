"""Every row of docs/threat-model.md has a test, and every row that a test names exists."""

import ast
import re
import unittest
from pathlib import Path

from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.source import APP, ROOT, files, is_test, statements, tree_of

DOCUMENT = ROOT / "docs" / "threat-model.md"
LINE = re.compile(r'^\| <a id="(?P<anchor>\w+)"></a>(?P<row>[A-Z]\d+) \|(?P<cells>.*)\|$', re.MULTILINE)
KINDS = "SRPUWMB"  # of money and service, of races, of personal data, of usage, of events out, of agents, of the books
ROW = re.compile(rf"\b[{KINDS}]\d{{1,2}}\b")
TEST = re.compile(r"`(test_\w+|Test\w+)`")
PATH = re.compile(r"`([\w/]+\.py)`")


def files_with_tests() -> list[Path]:
	return [path for path in files(tests=True) if is_test(path)]


def rows_in(path: Path) -> dict[str, set[str]]:
	"""The rows that each test of a file names in its own docstring; docstrings of modules do not count."""
	return {
		node.name: set(ROW.findall(ast.get_docstring(node) or ""))
		for node in statements(tree_of(path))
		if _is_test(node)
	}


def _is_test(node: ast.AST) -> bool:
	"""A test function, or a class whose tests are generated for each gateway."""
	if isinstance(node, ast.ClassDef):
		written = [child for child in node.body if getattr(child, "name", "").startswith("test_")]
		return node.name.startswith("Test") and not written
	return isinstance(node, ast.FunctionDef) and node.name.startswith("test_")


@unittest.skipUnless(DOCUMENT.exists(), "The documents are not installed with the app.")
class TestThreatModel(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.rows = {match["row"]: match for match in LINE.finditer(DOCUMENT.read_text(encoding="utf-8"))}
		cls.named: dict[str, set[str]] = {}
		for path in files_with_tests():
			for test, rows in rows_in(path).items():
				cls.named.setdefault(test, set()).update(rows)

	def test_the_rows_are_numbered_without_a_gap_and_each_has_its_anchor(self):
		self.assertLessEqual({row[0] for row in self.rows}, set(KINDS))
		for kind in KINDS:
			numbers = [int(row[1:]) for row in self.rows if row[0] == kind]
			self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
		for row, match in self.rows.items():
			self.assertEqual(match["anchor"], row.lower())

	def test_every_row_is_named_by_a_test(self):
		named = set().union(*self.named.values())
		self.assertEqual(sorted(set(self.rows) - named), [])

	def test_no_test_names_a_row_that_does_not_exist(self):
		unknown = {test: rows - set(self.rows) for test, rows in self.named.items()}
		self.assertEqual({test: rows for test, rows in unknown.items() if rows}, {})

	def test_every_test_in_the_document_exists_and_names_its_row(self):
		for row, match in self.rows.items():
			tests = TEST.findall(match["cells"])
			self.assertTrue(tests, f"{row} names no test")
			for test in tests:
				self.assertIn(test, self.named, f"{row} names {test}")
				self.assertIn(row, self.named[test], f"the docstring of {test} does not name {row}")

	def test_every_file_in_the_document_exists(self):
		for path in PATH.findall(DOCUMENT.read_text(encoding="utf-8")):
			self.assertTrue((APP / path).is_file(), path)
