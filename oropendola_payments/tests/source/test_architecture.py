"""Which room may use which, how big rooms, files and functions may be, and what production code must not know."""

import ast
import re
from collections.abc import Iterator

from oropendola_payments.gateways import BUILT_IN
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.rooms import (
	LAYERS,
	arrows,
	arrows_in,
	circle,
	level,
	module_pairs,
	points_down,
	rooms,
)
from oropendola_payments.tests.support.source import (
	APP,
	NAME,
	files,
	imports_in,
	imports_of,
	statements,
	tree_of,
)

MOST_MODULES, MOST_LINES, LONGEST_FUNCTION = 12, 400, 40
# Bench loads the commands before it knows a site, so each imports its work when it runs.
LATE_IMPORTS = {"commands.py"}
# Where the code of all gateways has to know one by its name, and why.
KNOW_A_PROVIDER = {
	"api/callbacks.py": {
		"payu"
	},  # two old return addresses that PayU merchants have entered in its dashboard
	"api/cashfree.py": {"cashfree"},  # the documented two-step flow
	"engine/checkout/two_step.py": {"cashfree"},  # the same
	"mcp/tools/cashfree.py": {"cashfree"},  # the same, for agents
	"mcp/tools/catalogue.py": {"cashfree"},
	"engine/checkout/initiate.py": {"payu"},  # the documented endpoint for PayU's Bolt window
	"engine/core/redaction.py": {"razorpay", "paypal"},  # names of headers that are kept as evidence
	"gateways/__init__.py": set(BUILT_IN),  # the list of what there is
	"ai_billing/doctype/payment_attempt/payment_attempt.py": {"paypal"},  # PayPal is also a way to pay
	"ai_billing/payment_methods.py": {"paypal"},  # PayPal is also a way to pay
	"gateways/methods.py": {"paypal"},  # PayPal is also a way to pay
	"patches/name_payment_methods.py": {"paypal"},  # PayPal is also a way to pay
	"gateways/phonepe/adapter.py": {"payu"},  # letters of its public test account, PGTESTPAYUAT
	"web/window.py": {"razorpay", "stripe", "cashfree", "phonepe"},  # the scripts of the pay page
}


def providers_in(tree: ast.AST) -> set[str]:
	"""Providers that code names: comments and docstrings may give them as examples."""
	nodes = list(ast.walk(tree))
	docstrings = {
		id(node.body[0].value)
		for node in nodes
		if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node)
	}
	texts = " ".join(words for node in nodes if id(node) not in docstrings for words in _texts(node))
	return {code for code in BUILT_IN if code in texts.lower()}


def _texts(node: ast.AST) -> Iterator[str]:
	"""The names and texts that a node itself brings."""
	for field in ("id", "attr", "arg", "name", "value", "module", "asname"):
		text = getattr(node, field, None)
		if isinstance(text, str):
			yield text


class TestRooms(TestCase):
	maxDiff = None

	def test_every_room_has_its_line_in_the_order_and_every_line_a_room(self):
		self.assertEqual([room for room in rooms() if level(room) is None], [])
		used = {level(room) for room in rooms()}
		self.assertEqual([names for number, names in enumerate(LAYERS) if number not in used], [])

	def test_no_room_uses_a_room_above_or_beside_it(self):
		"""Imports inside functions and the names of queued jobs count like every import."""
		self.assertEqual([str(arrow) for arrow in arrows() if not points_down(arrow)], [])

	def test_no_rooms_import_each_other_in_a_circle(self):
		self.assertEqual(circle((a.start, a.end) for a in arrows() if not a.place.is_text), [])

	def test_no_modules_import_each_other_in_a_circle(self):
		self.assertEqual(circle(module_pairs()), [])

	def test_only_bench_commands_import_inside_a_function(self):
		late = [
			str(place)
			for path in files()
			for place in imports_of(path)
			if place.is_lazy and place.module.startswith(f"{NAME}.") and path.name not in LATE_IMPORTS
		]
		self.assertEqual(late, [])

	def test_no_import_is_relative(self):
		"""Relative imports would hide from the rules above."""
		relative = [
			f"{path}:{node.lineno}"
			for path in files()
			for node in statements(tree_of(path))
			if isinstance(node, ast.ImportFrom) and node.level
		]
		self.assertEqual(relative, [])

	def test_gateways_know_neither_the_framework_nor_the_rest_of_the_app(self):
		allowed = (f"{NAME}.gateways", f"{NAME}.money")
		for path in files("gateways"):
			for place in imports_of(path):
				self.assertNotIn(place.module.split(".")[0], ("frappe", "erpnext", "werkzeug"), str(place))
				if place.module.startswith(NAME):
					self.assertTrue(place.module.startswith(allowed), str(place))

	def test_the_simulator_shares_no_code_with_the_app(self):
		"""Otherwise one mistake could be in both and go unnoticed."""
		for arrow in arrows():
			if arrow.start.startswith("simulator"):
				self.assertTrue(arrow.end.startswith("simulator"), str(arrow))
			elif arrow.end.startswith("simulator"):
				self.assertEqual(arrow.start, "commands", str(arrow))


class TestSizes(TestCase):
	def test_a_room_has_at_most_twelve_modules(self):
		sizes = {room: len([p for p in paths if p.name != "__init__.py"]) for room, paths in rooms().items()}
		del sizes["ai_billing"]  # each record and report has a folder of its own
		del sizes["api"]  # one module a noun, and its name is part of a public address
		del sizes["www"]  # one module a page, and its name is the page's address
		del sizes["patches"]  # one module a change of stored data, kept as long as a site may update over it
		self.assertEqual({room: size for room, size in sizes.items() if size > MOST_MODULES}, {})

	def test_every_room_says_in_its_first_line_what_happens_in_it(self):
		for room in rooms():
			if APP.joinpath(room).is_dir():
				first, *_more = (ast.get_docstring(tree_of(APP / room / "__init__.py")) or "").split("\n")
				self.assertRegex(first, r"^[A-Z].*\.$", f"{room}/__init__.py")

	def test_no_file_is_longer_than_400_lines(self):
		sizes = {str(path.relative_to(APP)): len(path.read_text().splitlines()) for path in files(tests=True)}
		self.assertEqual({path: size for path, size in sizes.items() if size > MOST_LINES}, {})

	def test_no_function_is_longer_than_40_lines(self):
		sizes = {
			f"{path.relative_to(APP)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
			for path in files()
			for node in statements(tree_of(path))
			if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
		}
		self.assertEqual({name: size for name, size in sizes.items() if size > LONGEST_FUNCTION}, {})


class TestProviders(TestCase):
	maxDiff = None

	def test_a_provider_is_named_only_in_its_own_rooms(self):
		found = {}
		for path in files():
			own = {code for code in BUILT_IN if code in path.relative_to(APP).parts[:-1]}
			if names := providers_in(tree_of(path)) - own:
				found[str(path.relative_to(APP))] = names
		self.assertEqual(found, KNOW_A_PROVIDER)

	def test_comments_may_name_a_provider_and_code_may_not(self):
		text = '"""PayU wants it."""\n# Stripe too\nGATEWAY = "cashfree_v3"\nrazorpay_id = 1\n'
		self.assertEqual(providers_in(ast.parse(text)), {"cashfree", "razorpay"})


class TestProductionCode(TestCase):
	def test_it_imports_nothing_of_tests(self):
		for path in files():
			for place in imports_of(path):
				parts = place.module.split(".")
				self.assertNotIn("tests", parts, str(place))
				self.assertNotIn(parts[0], ("unittest", "pytest", "hypothesis"), str(place))

	def test_it_does_not_know_on_which_host_it_runs(self):
		for path in files():
			self.assertNotIn("benchless", path.read_text(), path)

	def test_no_test_switch_weakens_the_app(self):
		"""S8."""
		for path in files():
			self.assertNotRegex(path.read_text(), r"flags\.in_test|in_test\b|TESTING", path)

	def test_no_endpoint_switches_argument_checks_off(self):
		for path in files("api"):
			self.assertNotIn("from __future__ import annotations", path.read_text(), path)

	def test_nothing_is_reachable_by_http_outside_of_the_api_by_accident(self):
		"""S12."""
		allowed = {"payment_gateway_settings.py": 1, "overrides.py": 10, "timeline_overrides.py": 22}
		for path in files():
			if APP / "api" not in path.parents:
				count = len(re.findall(r"whitelist\(|_for_staff\(|_to_assign\(", path.read_text()))
				self.assertEqual(count, allowed.get(path.name, 0), path)


class TestTheRulesCanFail(TestCase):
	"""A rule that finds nothing may be blind: each is shown what it must find."""

	def planted(self, place: str, text: str) -> list[str]:
		"""The forbidden arrows of a module with this text at this place."""
		found = arrows_in(ast.parse(text), APP / place)
		return [f"{arrow.start} -> {arrow.end}" for arrow in found if not points_down(arrow)]

	def test_an_import_inside_a_function_that_points_up_is_found(self):
		text = f"def late():\n\tfrom {NAME}.engine.checkout import initiate\n"
		self.assertEqual(self.planted("engine/core/batch.py", text), ["engine/core -> engine/checkout"])
		self.assertEqual(self.planted("engine/jobs/payment_jobs.py", text), [])

	def test_a_queued_job_that_points_up_is_found(self):
		text = f'enqueue("{NAME}.engine.jobs.payments.run_inbox")'
		self.assertEqual(self.planted("engine/refunds/ledger.py", text), ["engine/refunds -> engine/jobs"])

	def test_a_gateway_that_uses_another_gateway_is_found(self):
		text = f"from {NAME}.gateways.payu import mapping\nfrom {NAME}.gateways import base\n"
		self.assertEqual(
			self.planted("gateways/stripe/client.py", text), ["gateways/stripe -> gateways/payu"]
		)

	def test_a_registry_may_name_what_is_above_it_and_not_import_it(self):
		adapter = f"{NAME}.gateways.payu.adapter"
		self.assertEqual(self.planted("gateways/__init__.py", f'"{adapter}.PayU"'), [])
		self.assertEqual(
			self.planted("gateways/__init__.py", f"import {adapter}"), ["gateways -> gateways/payu"]
		)

	def test_a_circle_is_found(self):
		self.assertEqual(circle([("a", "b"), ("b", "c"), ("a", "c")]), [])
		self.assertEqual(set(circle([("a", "b"), ("b", "c"), ("c", "a")])), {"a", "b", "c"})

	def test_an_import_for_type_checkers_counts_as_an_arrow_and_loads_nothing(self):
		text = f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n\tfrom {NAME}.engine.checkout import initiate\n"
		self.assertEqual(self.planted("engine/core/batch.py", text), ["engine/core -> engine/checkout"])
		types = [place.is_type for place in imports_in(ast.parse(text), APP / "engine/core/batch.py")]
		self.assertEqual(types, [False, True])

	def test_a_room_without_a_line_is_found(self):
		self.assertIsNone(level("engine/attic"))
