"""The package contains all of the app and nothing of benchless."""

import re
import subprocess
import sys
import tempfile
import unittest
from importlib.util import find_spec
from pathlib import Path

from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.source import APP, NAME, ROOT, files

IGNORED = re.compile(r"(^|/)(\.|__pycache__)")


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
