"""The exact versions in constraints.txt: complete, allowed by the requirements, and what `.venv` really has."""

import unittest
from importlib.metadata import version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchless import bootstrap


def lines(path) -> list[str]:
	stripped = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
	return [line for line in stripped if line]


class TestConstraints(unittest.TestCase):
	def setUp(self):
		self.pins = {
			canonicalize_name(line.partition("==")[0]): line for line in lines(bootstrap.CONSTRAINTS)
		}

	def test_each_line_is_one_package_with_one_version_and_names_no_host(self):
		for line in lines(bootstrap.CONSTRAINTS):
			self.assertRegex(line, r"^[\w.-]+==[\w.]+$")

	def test_every_requirement_has_a_version_that_it_allows(self):
		for path in bootstrap.REQUIREMENTS:
			for requirement in map(Requirement, lines(path)):
				pin = self.pins[canonicalize_name(requirement.name)]
				self.assertIn(pin.partition("==")[2], requirement.specifier, pin)

	def test_the_environment_has_these_versions(self):
		for name in (Requirement(line).name for path in bootstrap.REQUIREMENTS for line in lines(path)):
			self.assertEqual(version(name), self.pins[canonicalize_name(name)].partition("==")[2], name)
