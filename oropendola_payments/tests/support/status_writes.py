"""Finds code that may write a status. Readers are known by name; every other call that is given a status is reported."""

import ast
import re
from collections.abc import Iterator
from functools import cached_property

# A new record says how it starts; the controllers refuse any other start.
STARTS = {"Pending", "Created", "Received", "Planned", "Reserved", "Open"}
MAKERS = {"new", "new_doc", "get_doc"}
FILLERS = {"update", "insert", "append", *MAKERS}
READERS = {
	"get", "get_all", "get_list", "get_value", "get_single_value", "exists", "count", "delete", "pop", "has_value_changed",
	"_latest_attempt", "for_each", "next_names", "add_index", "get_field", "_", "len", "isinstance", "getattr", "dict",
}  # fmt: skip
# These report a status and store none.
REPORTERS = {
	"set_onload",
	"FrontendReturn",
	"_with_query",
	"Response",
	"as_json",
	"record",
	"_metric",
	"AmbiguousSubscription",
	"Outcome",
	"answer_schema",
	"argument_schema",
}
COLUMN = {
	"set_value": 2,
	"set_single_value": 1,
	"db_set": 0,
	"set": 0,
	"setattr": 1,
}  # which argument names it
MOVERS = {"_move_to", "_swap", "_start_service", "move_locked"}
HIDDEN = "\x00"  # what is only known when the statement is built
WRITES = re.compile(
	rf"UPDATE\b.*\bSET\s*[`\"]?{HIDDEN}|UPDATE\b.*\bSET\b((?!\bWHERE\b).)*\bstatus[`\"]?\s*="
	r"|\b(INSERT|REPLACE)\b[^(]*\(([^)]*\bstatus\b|[`\"]?" + HIDDEN + r")"
	r"|\bON\s+(DUPLICATE\s+KEY\s+UPDATE|CONFLICT)\b.*\bstatus[`\"]?\s*=",
	re.DOTALL | re.IGNORECASE,
)
DICTS = {"dict", "_dict", "fromkeys"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def status_writes(tree: ast.AST) -> list[tuple[str, int]]:
	"""Function and line of everything that looks like writing a status."""
	answering = {f.name for f in ast.walk(tree) if isinstance(f, FUNCTIONS) and _answers(f)}
	return sorted(set(_writes_in(tree, answering, set())))


def _writes_in(node: ast.AST, answering: set[str], outer: set[str]) -> Iterator[tuple[str, int]]:
	"""Also in the functions inside, which see the names around them."""
	scope = Scope(node, answering, outer)
	yield from scope.writes()
	for child in _functions_in(node):
		yield from _writes_in(child, answering, scope.tainted)


def moves(tree: ast.AST) -> Iterator[int]:
	"""Lines that name a move in any way: called, kept for later, imported, or by its text."""
	for node in ast.walk(tree):
		names = {getattr(node, "attr", None), getattr(node, "id", None)}
		if isinstance(node, ast.ImportFrom):
			names = {alias.name for alias in node.names}
		if isinstance(node, ast.Constant) and isinstance(node.value, str):
			names = {node.value}
		if names & MOVERS:
			yield node.lineno


def _answers(function: ast.AST) -> bool:
	scope = Scope(function, set(), set())
	return any(scope.carries(node.value) for node in scope.nodes if isinstance(node, ast.Return))


class Scope:
	"""A module or one function, without the functions inside it."""

	def __init__(self, node: ast.AST, answering: set[str], outer: set[str]):
		self.outer = outer
		self.name = getattr(node, "name", "")
		self.answering = answering
		self.nodes = list(_inside(node))
		arguments = getattr(node, "args", None)
		self.parameters = (
			{a.arg for a in ast.walk(arguments) if isinstance(a, ast.arg)} if arguments else set()
		)

	def writes(self) -> Iterator[tuple[str, int]]:
		for node in self.nodes:
			if _assigns_status(node) or (isinstance(node, ast.Call) and self._hands_over(node)):
				yield self.name, node.lineno
		for text, line in self._statements():
			if WRITES.search(text):
				yield self.name, line

	# Values that carry a status ---------------------------------------------------------------------

	@cached_property
	def tainted(self) -> set[str]:
		"""Names of this scope that hold a dict with a status."""
		found = self.__dict__["tainted"] = self.outer - self.parameters  # `carries` asks for it meanwhile
		before = -1
		while len(found) != before:
			before = len(found)
			for target, value in self._bindings():
				if isinstance(target, ast.Name) and self.carries(value):
					found.add(target.id)
		return found

	def carries(self, node: ast.AST | None) -> bool:
		if isinstance(node, ast.Name):
			return node.id in self.tainted
		if isinstance(node, ast.Dict) and any(_is_status(key) for key in node.keys):
			return True
		if isinstance(node, ast.Call):
			return called(node) in self.answering or (called(node) in DICTS and _mentions_status(node))
		if isinstance(node, ast.DictComp) and _mentions_status(node):
			return True
		if isinstance(node, ast.Subscript | ast.Attribute | ast.Compare | ast.Lambda | None):
			return False
		return any(self.carries(child) for child in ast.iter_child_nodes(node))

	def _bindings(self) -> Iterator[tuple[ast.AST, ast.AST]]:
		for node in self.nodes:
			if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value:
				for target in _targets(node):
					yield target, node.value

	# Calls ------------------------------------------------------------------------------------------

	def _hands_over(self, call: ast.Call) -> bool:
		name = called(call)
		if name in READERS | REPORTERS:
			return False
		given = [*call.args, *(keyword.value for keyword in call.keywords)]
		named = [k.value for k in call.keywords if k.arg == "status" and not _is_number(k.value)]
		handed = bool(named) or any(_is_status(value) or self.carries(value) for value in given)
		return (handed or self._writes_any_column(call)) and not self._starts_a_record(call)

	def _writes_any_column(self, call: ast.Call) -> bool:
		"""The column is only known when it runs, or named by a query builder: it could be the status."""
		place = COLUMN.get(called(call))
		is_builtin = called(call) == "set" and isinstance(call.func, ast.Name)
		in_cache = ast.unparse(call.func).startswith("frappe.cache.")
		if place is None or len(call.args) <= place or is_builtin or in_cache:
			return False
		column = call.args[place]
		if isinstance(column, ast.Name):
			bound = [value for target, value in self._bindings() if getattr(target, "id", None) == column.id]
			return not bound or not all(isinstance(value, ast.Dict) and all(value.keys) for value in bound)
		if self._is_other_column(column):
			return False
		return not isinstance(column, ast.Constant | ast.Dict)

	def _is_other_column(self, node: ast.AST) -> bool:
		"""`table.column` of a query builder, where the column is not the status and `table` is surely a table."""
		if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
			return False
		bound = [value for target, value in self._bindings() if getattr(target, "id", None) == node.value.id]
		made = [part for value in bound for part in getattr(value, "elts", [value])]
		is_table = bool(made) and all(isinstance(m, ast.Call) and called(m) == "DocType" for m in made)
		return is_table and node.attr != "status"

	def _starts_a_record(self, call: ast.Call) -> bool:
		"""Filling a record that was made just here, with a status that records start with."""
		receiver = getattr(call.func, "value", None)
		is_fresh = called(call) in MAKERS or self._is_fresh(receiver)
		if called(call) not in FILLERS or not is_fresh:
			return False
		statuses = [k.value for k in call.keywords if k.arg == "status"]
		for argument in call.args:
			if isinstance(argument, ast.Dict):
				statuses += [v for k, v in zip(argument.keys, argument.values, strict=True) if _is_status(k)]
			elif _is_status(argument) or self.carries(argument):
				return False
		return bool(statuses) and all(isinstance(s, ast.Constant) and s.value in STARTS for s in statuses)

	def _is_fresh(self, node: ast.AST | None) -> bool:
		if isinstance(node, ast.Call):
			return called(node) in ("new", "new_doc")
		if not isinstance(node, ast.Name) or node.id in self.parameters:
			return False
		made = [value for target, value in self._bindings() if getattr(target, "id", None) == node.id]
		return bool(made) and all(isinstance(m, ast.Call) and called(m) in ("new", "new_doc") for m in made)

	# SQL --------------------------------------------------------------------------------------------

	def _statements(self) -> Iterator[tuple[str, int]]:
		"""Every text of this scope, also those that grow piece by piece under a name."""
		grown: dict[str, str] = {}
		for node in self.nodes:
			if isinstance(node, ast.expr) and (text := _text(node, grown)):
				yield text, node.lineno
			if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and node.value:
				for target in _targets(node):
					if isinstance(target, ast.Name):
						before = grown.get(target.id, "") if isinstance(node, ast.AugAssign) else ""
						grown[target.id] = before + (_text(node.value, grown) or HIDDEN)
						yield grown[target.id], node.lineno


def _text(node: ast.AST, known: dict[str, str]) -> str:
	"""What a text says as far as the source tells; the rest is HIDDEN."""
	if isinstance(node, ast.Constant):
		return node.value if isinstance(node.value, str) else ""
	if isinstance(node, ast.Name):
		return known.get(node.id, "")
	if isinstance(node, ast.FormattedValue):
		return _text(node.value, known)
	if isinstance(node, ast.JoinedStr | ast.List | ast.Tuple):
		is_text = isinstance(node, ast.JoinedStr)
		parts = [_text(part, known) or HIDDEN for part in (node.values if is_text else node.elts)]
		return ("" if is_text else " ").join(parts)
	if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
		return (_text(node.left, known) or HIDDEN) + (_text(node.right, known) or HIDDEN)
	if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
		return re.sub("%s|%d", HIDDEN, _text(node.left, known))
	is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
	if is_method and called(node) == "join" and node.args:
		return _text(node.args[0], known)
	if is_method and called(node) == "format":
		return re.sub(r"\{[^}]*\}", HIDDEN, _text(node.func.value, known))
	return ""


# Small looks ----------------------------------------------------------------------------------------


def called(node: ast.Call) -> str:
	return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _inside(node: ast.AST) -> Iterator[ast.AST]:
	for child in ast.iter_child_nodes(node):
		if not isinstance(child, FUNCTIONS):
			yield child
			yield from _inside(child)


def _functions_in(node: ast.AST) -> Iterator[ast.AST]:
	for child in ast.iter_child_nodes(node):
		if isinstance(child, FUNCTIONS):
			yield child
		else:
			yield from _functions_in(child)


def _targets(node: ast.AST) -> list[ast.AST]:
	found = node.targets if isinstance(node, ast.Assign) else [node.target]
	return [
		t for target in found for t in (target.elts if isinstance(target, ast.Tuple | ast.List) else [target])
	]


def _assigns_status(node: ast.AST) -> bool:
	kinds = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For, ast.NamedExpr)
	return isinstance(node, kinds) and any(
		(isinstance(target, ast.Attribute) and target.attr == "status")
		or (isinstance(target, ast.Subscript) and _is_status(target.slice))
		for target in _targets(node)
	)


def _mentions_status(node: ast.AST) -> bool:
	return any(_is_status(part) or getattr(part, "arg", None) == "status" for part in ast.walk(node))


def _is_status(node: ast.AST | None) -> bool:
	return isinstance(node, ast.Constant) and node.value == "status"


def _is_number(node: ast.AST) -> bool:
	return isinstance(node, ast.Constant) and isinstance(node.value, int)
