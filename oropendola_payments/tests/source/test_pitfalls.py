"""Every pitfall of every provider, and every rule of a vendor that binds us, is a test that names it in its docstring."""

import ast
import re

from oropendola_payments.gateways import BUILT_IN
from oropendola_payments.tests.source.test_lessons import files_with_tests
from oropendola_payments.tests.support.case import TestCase

# How many pitfalls integrators of each provider have reported.
PITFALLS = {"payu": 9, "razorpay": 8, "stripe": 9, "paypal": 10, "phonepe": 9, "cashfree": 8, "cashflows": 8}
VENDOR_RULES = {
	"Razorpay": (
		"answers within 5 s",
		"fetches what is open after 15 min",
		"keeps one order open",
		"takes a failed payment that is captured later",
		"dedupes by event id",
		"sends a refund under an idempotency key",
		"downtimes",
	),
	"Cashfree": ("many payments in one order", "dedupes by payment", "repeats under the same key"),
	"PayU": ("asks after every callback",),
	"PhonePe": ("fetches and compares the amount there",),
	"Cashflows": ("stops after a refused signature", "fetches before it repeats", "echoes both references"),
	"Stripe": ("any order, and twice", "stores failures"),
	"India": ("no mandates", "asks for five days"),
}
NAMED = re.compile(r"\b([a-z]+)\.md pitfalls? (\d+(?:(?:, | and )\d+)*)")
RULE = re.compile(r"patterns\.md, (\w+): ([^.;]+)")


def docstrings_of_tests() -> list[str]:
	"""Of functions only: a name at the top of a file promises nothing."""
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
		cls.told = docstrings_of_tests()

	def test_every_gateway_has_its_pitfalls_counted(self):
		self.assertEqual(set(PITFALLS), set(BUILT_IN))

	def test_every_pitfall_is_some_test_and_no_test_names_another(self):
		wanted = {(code, number) for code, count in PITFALLS.items() for number in range(1, count + 1)}
		named = set().union(*map(pitfalls_in, self.told))
		self.assertEqual((sorted(wanted - named), sorted(named - wanted)), ([], []))

	def test_every_rule_of_a_vendor_is_some_test_and_no_test_names_another(self):
		wanted = {(vendor, rule) for vendor, rules in VENDOR_RULES.items() for rule in rules}
		named = {(vendor, rule.strip()) for text in self.told for vendor, rule in RULE.findall(text)}
		self.assertEqual((sorted(wanted - named), sorted(named - wanted)), ([], []))

	def test_how_a_pitfall_is_named(self):
		text = "S1, razorpay.md pitfalls 1 and 2: a body; stripe.md pitfall 10."
		self.assertEqual(pitfalls_in(text), {("razorpay", 1), ("razorpay", 2), ("stripe", 10)})
