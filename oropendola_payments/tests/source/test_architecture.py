"""The arrows between the folders, what is packaged, and the drawings of the documents."""

import re
import subprocess
import sys
import tempfile
import unittest
from importlib.util import find_spec
from pathlib import Path

from oropendola_payments.tests.support import diagrams
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.source import APP, NAME, ROOT, files, imports_of

IGNORED = re.compile(r"(^|/)(\.|__pycache__)")


def imported(*folder: str, lazy: bool = True, tests: bool = False):
	"""Imports of our own packages in a folder; with `lazy=False` only those that run when the module is loaded."""
	for path in files(*folder, tests=tests):
		for found in imports_of(path):
			if found.module.startswith(NAME + ".") and (lazy or not found.lazy):
				yield found.module.split(".")[1], found


class TestArrows(TestCase):
	"""api -> engine -> gateways, engine -> ai_billing."""

	def forbid(self, folder: str, *packages: str, lazy: bool = True):
		found = [str(place) for package, place in imported(folder, lazy=lazy) if package in packages]
		self.assertEqual(found, [], f"{folder} must not import {packages}")

	def test_records_load_without_api_and_engine(self):
		self.forbid("ai_billing", "api", "engine", "www", "web", lazy=False)
		self.forbid("ai_billing", "api", "www", "web")

	def test_the_engine_knows_no_caller(self):
		self.forbid("engine", "api", "www", "web", "commands")

	def test_gateways_import_gateways_only(self):
		self.forbid(
			"gateways", *{path.stem if path.is_file() else path.name for path in APP.iterdir()} - {"gateways"}
		)

	def test_gateways_know_no_framework(self):
		for path in files("gateways"):
			for found in imports_of(path):
				self.assertNotIn(found.module.split(".")[0], ("frappe", "erpnext", "werkzeug"), str(found))

	def test_a_gateway_imports_no_other_gateway(self):
		"""One file a provider; what several share has a name of its own."""
		shared = {"base", "cards", "errors", "http"}
		codes = {path.parent.name for path in files("gateways")} - {"gateways"}
		for path in files("gateways"):
			own = re.split(r"[_.]", path.stem)[0]
			for package, found in imported("gateways"):
				if found.path == path and package == "gateways" and own in codes:
					target = found.module.split(".")[2]
					self.assertIn(re.split(r"[_.]", target)[0], {own, *shared}, str(found))

	def test_the_simulator_shares_no_code_with_the_gateways(self):
		"""One mistake cannot hide another."""
		self.forbid("simulator", "gateways", "engine", "ai_billing", "api", "compat", "exceptions")

	def test_nothing_imports_the_simulator_but_its_command(self):
		found = [place for package, place in imported() if package == "simulator"]
		outside = [place for place in found if APP / "simulator" not in place.path.parents]
		self.assertEqual(
			[(place.path.name, place.lazy) for place in outside],
			[("commands.py", True)],
			list(map(str, outside)),
		)

	def test_the_app_never_asks_on_which_host_it_runs(self):
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
		allowed = {"payment_gateway_settings.py": 1, "overrides.py": 1}
		for path in files():
			if APP / "api" not in path.parents:
				count = len(re.findall(r"whitelist\(", path.read_text()))
				self.assertEqual(count, allowed.get(path.name, 0), path)

	def test_the_rules_can_fail(self):
		with tempfile.TemporaryDirectory() as folder:
			path = Path(folder) / "bad.py"
			path.write_text(f"import {NAME}.api.usage\n\n\ndef late():\n\tfrom {NAME}.engine import usage\n")
			found = [(place.module, place.lazy) for place in imports_of(path)]
		self.assertEqual(found, [(f"{NAME}.api.usage", False), (f"{NAME}.engine.usage", True)])


@unittest.skipUnless(find_spec("setuptools"), "This Python has no setuptools.")
class TestPackage(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.setup = (ROOT / "setup.py").read_text()

	def packages(self) -> list[str]:
		from setuptools import find_packages

		return find_packages(
			str(ROOT),
			include=re.findall(
				r'"(oropendola_payments[^"]*)"', self.setup.split("packages=")[1].split(")")[0]
			),
		)

	def test_every_folder_with_code_is_a_package(self):
		folders = {path.parent.relative_to(ROOT) for path in files(tests=True)}
		missing = {str(folder).replace("/", ".") for folder in folders} - set(self.packages())
		self.assertEqual(missing, set())

	def test_the_stand_in_is_never_packaged(self):
		self.assertFalse([name for name in self.packages() if name.split(".")[0] != NAME])
		self.assertIn("prune benchless", (ROOT / "MANIFEST.in").read_text())

	def test_every_kind_of_file_of_the_app_is_packaged(self):
		line = next(
			line
			for line in (ROOT / "MANIFEST.in").read_text().splitlines()
			if line.startswith(f"recursive-include {NAME}")
		)
		patterns = {pattern.removeprefix("*") for pattern in line.split()[2:]}
		own = [
			path
			for path in APP.rglob("*")
			if path.is_file() and not IGNORED.search(str(path.relative_to(APP)))
		]
		self.assertEqual({path.suffix for path in own} - patterns, set())

	def test_setup_reads_the_version_without_importing_the_app(self):
		self.assertNotRegex(self.setup, rf"(?m)^(from|import) {NAME}")

	def test_what_pip_would_install(self):
		with tempfile.TemporaryDirectory() as folder:
			command = [
				sys.executable,
				"setup.py",
				"-q",
				"egg_info",
				"-e",
				folder,
				"build_py",
				"-d",
				f"{folder}/lib",
			]
			subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
			names = {str(path.relative_to(f"{folder}/lib")) for path in Path(folder, "lib").rglob("*.*")}
		self.assertFalse([name for name in names if name.startswith("benchless")])
		for needed in (
			"hooks.py",
			"modules.txt",
			"patches.txt",
			"ai_billing/doctype/ai_invoice/ai_invoice.json",
		):
			self.assertIn(f"{NAME}/{needed}", names)


class TestDiagrams(TestCase):
	def test_the_drawings_of_the_states_are_those_of_the_tables(self):
		text = diagrams.DOCUMENT.read_text(encoding="utf-8")
		self.assertEqual(diagrams.redrawn(text), text, f"Please run: {diagrams.COMMAND}")

	def test_a_stale_drawing_is_noticed(self):
		text = diagrams.DOCUMENT.read_text(encoding="utf-8")
		stale = text.replace("Processing --> Paid", "Processing --> Refunded", 1)
		self.assertNotEqual(stale, text)
		self.assertEqual(diagrams.redrawn(stale), text)
