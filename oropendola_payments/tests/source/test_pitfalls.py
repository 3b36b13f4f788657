"""Every pitfall of every provider is a test that names it in its docstring."""

import ast
import re

from oropendola_payments.gateways import BUILT_IN
from oropendola_payments.tests.source.test_threat_model import files_with_tests
from oropendola_payments.tests.support.case import TestCase

# How many pitfalls integrators of each provider have reported.
PITFALLS = {"payu": 9, "razorpay": 8, "stripe": 9, "paypal": 10, "phonepe": 9, "cashfree": 8, "cashflows": 8}
NAMED = re.compile(r"\b([a-z]+)\.md pitfalls? (\d+(?:(?:, | and )\d+)*)")


def docstrings_of_tests() -> list[str]:
	"""Docstrings of test functions only, not of modules."""
	nodes = [node for path in files_with_tests() for node in ast.walk(ast.parse(path.read_text()))]
	is_test = (isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in nodes)
	return [ast.get_docstring(node) or "" for node, wanted in zip(nodes, is_test, strict=True) if wanted]


def pitfalls_in(text: str) -> set[tuple[str, int]]:
	found = NAMED.findall(text)
	return {(code, int(number)) for code, numbers in found for number in re.findall(r"\d+", numbers)}


class TestPitfalls(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.docstrings = docstrings_of_tests()

	def test_the_number_of_pitfalls_is_known_for_every_gateway(self):
		self.assertEqual(set(PITFALLS), set(BUILT_IN))

	def test_every_pitfall_has_a_test_and_no_test_names_an_unknown_one(self):
		wanted = {(code, number) for code, count in PITFALLS.items() for number in range(1, count + 1)}
		named = set().union(*map(pitfalls_in, self.docstrings))
		self.assertEqual((sorted(wanted - named), sorted(named - wanted)), ([], []))

	def test_references_to_pitfalls_are_recognized(self):
		text = "S1, razorpay.md pitfalls 1 and 2: a body; stripe.md pitfall 10."
		self.assertEqual(pitfalls_in(text), {("razorpay", 1), ("razorpay", 2), ("stripe", 10)})
