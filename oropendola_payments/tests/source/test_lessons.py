"""Every mistake that other payment apps made is a test here: S1-S24 about security, R1-R31 about reliability."""

import ast
import re
from pathlib import Path

import oropendola_payments
from oropendola_payments.tests.support.case import TestCase

APP = Path(oropendola_payments.__file__).parent
ROWS = {f"S{number}" for number in range(1, 25)} | {f"R{number}" for number in range(1, 32)}
ROW = re.compile(r"\b[SR]\d{1,2}\b")


def files_with_tests() -> list[Path]:
	return sorted(APP.rglob("test_*.py"))


def named_in(path: Path) -> set[str]:
	"""The rows that a file's tests name, each test for itself: a heading of a module or class proves nothing."""
	tests = (
		node
		for node in ast.walk(ast.parse(path.read_text()))
		if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
	)
	return {row for test in tests for row in ROW.findall(ast.get_docstring(test) or "")}


class TestLessons(TestCase):
	def test_every_row_is_some_test(self):
		found = {row for path in files_with_tests() if path != Path(__file__) for row in named_in(path)}
		self.assertEqual(sorted(ROWS - found), [])

	def test_no_test_names_a_row_that_there_is_not(self):
		unknown = {path.name: rows for path in files_with_tests() if (rows := named_in(path) - ROWS)}
		self.assertEqual(unknown, {})
