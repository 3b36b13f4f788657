"""Rules about texts in the source: SQL as text only where it is needed, no real personal data, no secrets."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.source import APP, ROOT, files, tree_of

STATEMENT = re.compile(r"\b(SELECT|UPDATE|INSERT INTO|DELETE FROM|ORDER BY|WHERE)\b")
# Everything else reads and writes with documents, `frappe.get_all`, `frappe.db` or `frappe.qb`.
RAW_SQL = {
	"ai_billing/current.py": "reads the newest committed row, whatever the snapshot of the transaction",
	"ai_billing/daily/live.py": "counts by what each row of several tables is, with statements that can be read beside the invariant",
	"ai_billing/daily/taken_back.py": "the payments of which something was taken back in some days",
	"ai_billing/doctype/payment_event/payment_event.py": "locks the end of the chain and adds several rows in one statement",
	"ai_billing/doctype/payment_gateway_settings/payment_gateway_settings.py": "reads all secrets of a gateway in one statement",
	"ai_billing/kept.py": "asks the statistics of the database how large a table is",
	"ai_billing/outbox.py": "stores all events of a transaction in one statement, and looks for listeners past the snapshot",
	"ai_billing/records.py": "inserts, updates and moves a record in one statement, which decides between two writers",
	"compat.py": "an UPDATE that says what it set, which each database knows otherwise",
	"engine/core/transactions.py": "locks records",
	"engine/day_figures/sum_up.py": "locks a day before anything is read",
	"engine/entitlements/allowances.py": "moves the windows of a period, and finds what was used, past the snapshot",
	"engine/entitlements/free_plan.py": "locks a subscription and sees in the same statement whether there are free ones beside it",
	"engine/metering/key_check.py": "the key, its subscription and its windows in one query",
	"engine/metering/quota.py": "takes quota only if enough is left, and gives it back without passing the limit",
	"engine/metering/usage.py": "marks a key as used once a day",
	"engine/inbound/inbox.py": "closes a message and counts the attempt in one statement",
	"engine/entitlements/bought_share.py": "changes windows that may be counted in meanwhile, by what they hold then",
	"engine/metering/counters.py": "counts in all windows or in none",
	"engine/usage_ledger/history.py": "sums and rows that are not in them yet, in one snapshot",
	"engine/usage_ledger/rollup.py": "adds to as many sums as a batch has in one statement",
	"engine/monitoring/audit.py": "walks the chains independently of the code that wrote them",
	"engine/monitoring/checks.py": "asks an invariant about some records",
	"engine/monitoring/health.py": "asks the database for nothing but an answer",
	"engine/monitoring/invariants.py": "proves statements about the database, independently of the code that wrote it",
	"engine/webhooks_out/endpoints.py": "finds the endpoints of those who left in one statement",
	"engine/wallet/draw.py": "takes credits under a lock, from all grants in one statement",
	"engine/wallet/entries.py": "sums lines past the snapshot of the transaction",
	"engine/wallet/overdrafts.py": "adds to what is unpaid in one statement, under the locks of the wallet",
	"install.py": "makes a function in PostgreSQL",
	"patches/backfill_capture_user.py": "a patch does not change with the app",
	"patches/give_invoices_their_tax_line.py": "a patch does not change with the app",
	"patches/mark_invoices_before_numbering.py": "a patch does not change with the app",
	"patches/mark_past_trials.py": "a patch does not change with the app",
	"patches/mark_shown_api_keys.py": "a patch does not change with the app",
	"patches/rename_scheduled_jobs.py": "a patch does not change with the app",
}
# Of these, the ones that put a statement together. Names of tables and columns come from our own code, values are parameters.
COMPOSED_SQL = {
	"ai_billing/current.py": "the table of a versioned document",
	"ai_billing/doctype/payment_event/payment_event.py": "as many marks as rows",
	"ai_billing/outbox.py": "as many marks as events",
	"ai_billing/records.py": "the columns of any record",
	"engine/core/transactions.py": "the table and the condition of any lock",
	"engine/metering/counters.py": "as many windows as the plan has",
	"engine/usage_ledger/rollup.py": "as many sums as a batch has",
	"engine/monitoring/audit.py": "the columns that are hashed",
	"engine/monitoring/checks.py": "a rule and the column that names its records",
	"engine/monitoring/invariants.py": "a rule and how many records it may name",
	"engine/wallet/draw.py": "as many grants as are touched",
	"patches/backfill_capture_user.py": "two tables",
}
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


def raw_statements(tree: ast.AST) -> list[int]:
	"""The lines that send a statement to the database as text."""
	return [
		node.lineno
		for node in ast.walk(tree)
		if isinstance(node, ast.Attribute) and node.attr in ("sql", "sql_ddl", "multisql")
	]


def composed_statements(tree: ast.AST) -> list[int]:
	"""The lines that put the text of a statement together, in whatever way."""
	return [node.lineno for node in ast.walk(tree) if _is_composed(node)]


def _is_composed(node: ast.AST) -> bool:
	if isinstance(node, ast.JoinedStr):
		return any(isinstance(part, ast.FormattedValue) for part in node.values) and _has_statement(node)
	if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
		return node.func.attr in ("format", "format_map", "join", "replace") and _has_statement(node)
	return isinstance(node, ast.BinOp | ast.AugAssign) and _has_statement(node)


def _has_statement(node: ast.AST) -> bool:
	texts = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str))
	return any(STATEMENT.search(text) for text in texts)


def texts() -> Iterator[tuple[Path, str]]:
	for top in (APP, ROOT / "docs", ROOT / "benchless"):
		for path in top.rglob("*"):
			hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(top).parts)
			if path.is_file() and path.suffix in TEXTS and not hidden:
				yield path, path.read_text(encoding="utf-8")


class TestSqlStatements(TestCase):
	def test_raw_sql_is_only_where_a_lock_an_atomic_statement_or_a_proof_needs_it(self):
		self.assertEqual({_name(path) for path in files() if raw_statements(tree_of(path))}, set(RAW_SQL))

	def test_no_external_value_is_interpolated_into_sql(self):
		"""S18."""
		self.assertEqual(
			{_name(path) for path in files() if composed_statements(tree_of(path))}, set(COMPOSED_SQL)
		)
		self.assertLessEqual(set(COMPOSED_SQL), set(RAW_SQL))

	def test_every_kind_of_interpolation_is_detected(self):
		for text in (
			'f"SELECT 1 FROM x WHERE name = {name}"',
			'"SELECT 1 FROM x WHERE name = %s" % name',
			'"DELETE FROM x WHERE name = {}".format(name)',
			'"SELECT 1 FROM x WHERE name = " + name',
			'" ".join(["SELECT 1 FROM x WHERE", name])',
			'"SELECT 1 FROM table".replace("table", name)',
			'statement += " ORDER BY " + name',
		):
			self.assertTrue(composed_statements(ast.parse(text)), text)
		for text in ("frappe.db.sql(text)", "frappe.db.sql_ddl(text)", "run = frappe.db.sql"):
			self.assertTrue(raw_statements(ast.parse(text)), text)
		self.assertFalse(composed_statements(ast.parse('read("User", "`name` = %s FOR UPDATE", (name,))')))


def _name(path: Path) -> str:
	return path.relative_to(APP).as_posix()


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
