"""Rules about texts in the source: no interpolated SQL, no real personal data, no secrets."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.source import APP, ROOT, files, tree_of

STATEMENT = re.compile(r"\b(SELECT|UPDATE|INSERT INTO|DELETE FROM|ORDER BY|WHERE)\b")
# Table and column names, placeholders and numbers, all from our own code. Values are parameters.
HARMLESS = {
	"BATCH", "BY_NAME", "COLUMNS", "LIMIT", "LOG", "RULES[rule]", "TINY", "column", "columns", "count", "doctype", "group", "marks", "names",
	"reason", "self.doctype", "sets", "where", "' AND '.join(conditions)", "' FOR UPDATE' if lock else ''",
}  # fmt: skip
TEXTS = {".py", ".json", ".md", ".js", ".html", ".csv", ".txt", ".toml", ".css"}
MAIL = re.compile(r"[\w.+-]+@((?:[\w-]+\.)+[A-Za-z]{2,})\b")
MADE_UP = re.compile(r"(^|\.)example(\.[a-z]+)?$|\.(test|invalid|localhost)$")
# Not mail addresses: user and host inside a web address that must be refused.
NOT_MAIL = {"pw@api.paypal.com"}
SECRETS = {
	"a live key": r"\b(sk|rk)_live_[A-Za-z0-9]{16,}|\brzp_live_[A-Za-z0-9]{14,}",
	"a webhook secret": r"\bwhsec_[A-Za-z0-9+/]{28,}",
	"a cloud key": r"\bAKIA[0-9A-Z]{16}\b",
}


def interpolations(tree: ast.AST) -> Iterator[tuple[str, int]]:
	"""The expressions that are interpolated into an SQL statement."""
	for node in ast.walk(tree):
		if isinstance(node, ast.JoinedStr):
			text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
			if STATEMENT.search(text):
				for part in node.values:
					if isinstance(part, ast.FormattedValue):
						yield ast.unparse(part.value), node.lineno
		elif _is_glued(node):
			yield ast.unparse(node)[:60], node.lineno


def _is_glued(node: ast.AST) -> bool:
	if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
		return _is_statement(node.func.value)
	return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and _is_statement(node.left)


def _is_statement(node: ast.AST) -> bool:
	return (
		isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(STATEMENT.search(node.value))
	)


def texts() -> Iterator[tuple[Path, str]]:
	for top in (APP, ROOT / "docs", ROOT / "benchless"):
		for path in top.rglob("*"):
			hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(top).parts)
			if path.is_file() and path.suffix in TEXTS and not hidden:
				yield path, path.read_text(encoding="utf-8")


class TestSqlStatements(TestCase):
	def test_no_external_value_is_interpolated_into_sql(self):
		"""S18."""
		for path in files():
			for name, line in interpolations(tree_of(path)):
				self.assertIn(name, HARMLESS, f"{path}:{line}")

	def test_every_kind_of_interpolation_is_detected(self):
		for text in (
			'f"SELECT 1 FROM x WHERE name = {name}"',
			'"SELECT 1 FROM x WHERE name = %s" % name',
			'"DELETE FROM x WHERE name = {}".format(name)',
		):
			self.assertEqual(len(list(interpolations(ast.parse(text)))), 1, text)


class TestNoRealData(TestCase):
	def test_every_mail_address_is_made_up(self):
		"""S20."""
		for path, text in texts():
			for match in MAIL.finditer(text):
				if match[0] not in NOT_MAIL and not re.fullmatch(r"[\d.]+", match[1]):
					self.assertRegex(match[1].lower(), MADE_UP, f"{path}: {match[0]}")

	def test_the_repository_contains_no_realistic_secret(self):
		"""S20."""
		for path, text in texts():
			for what, pattern in SECRETS.items():
				found = re.search(pattern, text)
				self.assertIsNone(found, f"{path} has {what}: {found and found[0]}")

	def test_realistic_data_is_detected(self):
		self.assertNotRegex("gmail.com", MADE_UP)
		self.assertNotRegex("notexample.com", MADE_UP)
		for domain in ("example.com", "shop.example", "mail.example.org", "site.test"):
			self.assertRegex(domain, MADE_UP)
		self.assertRegex("rzp_live_" + "A" * 14, SECRETS["a live key"])
