"""The exact versions in constraints.txt: complete, allowed by the requirements, and what `.venv` really has."""

import unittest
from importlib.metadata import PackageNotFoundError, metadata, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from benchless import bootstrap


def lines(path) -> list[str]:
	stripped = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
	return [line for line in stripped if line]


PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def pins(python: str) -> dict[str, str]:
	"""The version of each package for this Python."""
	found: dict[str, str] = {}
	for pin in map(Requirement, lines(bootstrap.CONSTRAINTS)):
		if not pin.marker or pin.marker.evaluate({"python_version": python}):
			name = canonicalize_name(pin.name)
			assert name not in found, f"{name} has two versions for Python {python}"
			found[name] = str(pin.specifier).removeprefix("==")
	return found


class TestConstraints(unittest.TestCase):
	def test_each_line_is_one_package_with_one_version_and_names_no_host(self):
		for line in lines(bootstrap.CONSTRAINTS):
			self.assertRegex(line, r"^[\w.-]+==[\w.]+(; python_version (<|>=) \"3\.\d+\")?$")

	def test_every_requirement_has_a_version_that_it_allows_for_each_python(self):
		for python in PYTHONS:
			known = pins(python)
			for path in bootstrap.REQUIREMENTS:
				for requirement in map(Requirement, lines(path)):
					pin = known[canonicalize_name(requirement.name)]
					self.assertIn(pin, requirement.specifier, f"{requirement.name} {pin} on Python {python}")

	def test_the_environment_has_these_versions(self):
		known = pins(bootstrap.python_version())
		for name in (Requirement(line).name for path in bootstrap.REQUIREMENTS for line in lines(path)):
			self.assertEqual(version(name), known[canonicalize_name(name)], name)

	def test_no_installed_package_needs_a_newer_python_than_its_line_says(self):
		"""The lines for all Pythons must fit the oldest one, whichever this environment has."""
		for pin in map(Requirement, lines(bootstrap.CONSTRAINTS)):
			if not pin.marker and is_installed(pin.name):
				needed = metadata(pin.name).get("Requires-Python") or ""
				self.assertTrue(SpecifierSet(needed).contains(f"{PYTHONS[0]}.0"), f"{pin.name}: {needed}")


def is_installed(name: str) -> bool:
	try:
		return bool(version(name))
	except PackageNotFoundError:
		return False
