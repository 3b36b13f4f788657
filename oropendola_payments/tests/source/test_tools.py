"""The tools that check the code are the same in a hook, on a developer's machine and in CI."""

import json
import re

from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.source import ROOT


def pinned(text: str) -> dict[str, str]:
	"""Packages with exactly one version: `name==1.2` of pip, `name@1.2` of npm."""
	return dict(re.findall(r"(?m)(@?[\w/-]+)(?:==|@)(\d[\w.]*)", text))


class TestTools(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.hooks = (ROOT / ".pre-commit-config.yaml").read_text()
		cls.python = pinned((ROOT / "benchless" / "requirements.txt").read_text())
		cls.scripts = json.loads((ROOT / "package.json").read_text())["devDependencies"]

	def test_the_hook_uses_the_ruff_of_the_environment(self):
		version = re.search(r"ruff-pre-commit\n\s+rev: v(\S+)", self.hooks)[1]
		self.assertEqual(self.python["ruff"], version)

	def test_mypy_has_one_version(self):
		self.assertIn("mypy", self.python)

	def test_the_hooks_use_the_checkers_of_package_json(self):
		self.assertEqual(pinned(self.hooks), self.scripts)

	def test_no_lock_names_a_registry(self):
		for name in ("package-lock.json", "yarn.lock", "pnpm-lock.yaml"):
			self.assertFalse((ROOT / name).exists(), name)

	def test_commits_that_blame_skips_are_full_hashes(self):
		lines = (ROOT / ".git-blame-ignore-revs").read_text().splitlines()
		for line in filter(None, lines):
			self.assertRegex(line, r"^(#|[0-9a-f]{40}$)")
