"""Nothing but the records' own moves writes a status: proven by reading the source."""

import ast
import re
from collections.abc import Iterator

from oropendola_payments.compat import TestCase
from oropendola_payments.tests.source import APP, files, tree_of

WRITERS = {
	"write",
	"_update_row",
	"db_set",
	"set",
	"update",
	"set_value",
	"set_single_value",
	"db_update",
	"insert",
}
MOVERS = {"_move_to", "_swap", "_serve", "move_locked"}
UPDATE = re.compile(r"UPDATE\b.*\bSET\b((?!\bWHERE\b).)*\bstatus`?\s*=", re.DOTALL | re.IGNORECASE)
# A new record says how it starts; the controllers refuse any other start.
STARTS = {"Pending", "Created", "Received"}
# These write another status than that of an invoice, attempt, refund or subscription.
OTHERS = {
	("ai_billing/records.py", "_swap"),
	("ai_billing/doctype/ai_api_key/ai_api_key.py", "revoke"),
	("ai_billing/doctype/ai_api_key/ai_api_key.py", "give_back"),
	("ai_billing/doctype/ai_api_key/ai_api_key.py", "new_api_key"),
	("engine/alerts.py", "_open"),
	("engine/alerts.py", "_close"),
	("engine/inbox.py", "work"),
	("engine/inbox.py", "mark"),
}


def status_writes(tree: ast.AST, function: str = "") -> Iterator[tuple[str, int]]:
	"""Function and line of everything that looks like writing a status."""
	for child in ast.iter_child_nodes(tree):
		inside = child.name if isinstance(child, ast.FunctionDef) else function
		if _assigns_status(child) or _calls_with_status(child) or _updates_in_sql(child):
			yield inside, child.lineno
		yield from status_writes(child, inside)


def moves(tree: ast.AST) -> Iterator[int]:
	for node in ast.walk(tree):
		if isinstance(node, ast.Call) and _called(node) in MOVERS:
			yield node.lineno


def _assigns_status(node: ast.AST) -> bool:
	targets = (
		node.targets
		if isinstance(node, ast.Assign)
		else [getattr(node, "target", None)]
		if isinstance(node, ast.AugAssign | ast.AnnAssign)
		else []
	)
	return any(isinstance(target, ast.Attribute) and target.attr == "status" for target in targets)


def _calls_with_status(node: ast.AST) -> bool:
	if not isinstance(node, ast.Call) or _called(node) not in WRITERS:
		return False
	values = [keyword.value for keyword in node.keywords if keyword.arg == "status"]
	for argument in node.args:
		if isinstance(argument, ast.Dict):
			pairs = zip(argument.keys, argument.values, strict=True)
			values += [
				value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "status"
			]
		elif isinstance(argument, ast.Constant) and argument.value == "status":
			return True
	return any(not (isinstance(value, ast.Constant) and value.value in STARTS) for value in values)


def _updates_in_sql(node: ast.AST) -> bool:
	if isinstance(node, ast.JoinedStr):
		text = "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
		return bool(UPDATE.search(text))
	return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(UPDATE.search(node.value))


def _called(node: ast.Call) -> str:
	return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


class TestStatusWriters(TestCase):
	def found(self) -> set[tuple[str, str]]:
		writes = set()
		for path in files():
			name = str(path.relative_to(APP))
			if not name.startswith(("gateways/", "simulator/", "patches/")):
				writes |= {(name, function) for function, _line in status_writes(tree_of(path))}
		return writes

	def test_only_the_moves_write_a_status(self):
		self.assertEqual(self.found() - OTHERS, set())

	def test_the_list_of_exceptions_is_not_longer_than_needed(self):
		self.assertEqual(OTHERS - self.found(), set())

	def test_only_controllers_move(self):
		outside = [
			f"{path}:{line}"
			for path in files()
			for line in moves(tree_of(path))
			if APP / "ai_billing" not in path.parents
		]
		self.assertEqual(outside, [])

	def test_every_way_around_the_moves_is_noticed(self):
		for text in (
			'invoice.status = "Paid"',
			'invoice.write(status="Paid")',
			'invoice.db_set("status", "Paid")',
			'invoice.db_set({"status": "Paid"})',
			'invoice.update({"amount": 1, "status": status})',
			'frappe.db.set_value("AI Invoice", name, "status", "Paid")',
			'frappe.db.set_value("AI Invoice", name, {"status": "Paid"})',
			"frappe.db.sql(\"UPDATE `tabAI Invoice` SET modified = 1, status = 'Paid' WHERE name = %s\", name)",
			'frappe.db.sql(f"UPDATE `tab{doctype}` SET `status` = %s", status)',
		):
			self.assertEqual(len(list(status_writes(ast.parse(text)))), 1, text)
		self.assertEqual(
			list(status_writes(ast.parse('doc.update({"status": "Pending"})\nstatus = doc.status'))), []
		)
		self.assertEqual(list(moves(ast.parse('doc._move_to("Paid")'))), [1])
