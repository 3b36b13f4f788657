"""Frappe's rules for apps that ruff, mypy and eslint do not check. Each finds the places that break it."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
PROXIES = {"conf", "db", "flags", "form_dict", "lang", "qb", "request", "response", "session", "user"}
# What a site has of its own: at import time there is no site, or the wrong one.
OF_THE_SITE = re.compile(
	r"frappe\.(_|db\.\w+|get_(all|list|doc|cached_doc|cached_value|meta|hooks|single|value|site_config)"
	r"|cache(\.\w+)?|conf\.\w+|qb\.\w+|local\.\w+)$|^(_|flt)$"
)
# Redis itself knows no sites: its own commands need a key that `make_key` made.
RAW_CACHE = {"decr", "decrby", "delete", "exists", "expire", "get", "incr", "incrby", "set", "setex", "ttl"}
AFTER_THE_WRITE = {
	"after_insert",
	"on_cancel",
	"on_submit",
	"on_trash",
	"on_update",
	"on_update_after_submit",
}
SAVES = {"db_set", "db_update", "save", "set_value", "write"}


@dataclass
class Module:
	"""A module's tree, and which function each node stands in."""

	tree: ast.Module
	nodes: list[ast.AST] = field(default_factory=list)
	owner: dict[ast.AST, str] = field(default_factory=dict)
	named_calls: list[tuple[str, ast.Call]] = field(default_factory=list)

	def __post_init__(self):
		self._name(self.tree, "")
		self.nodes = list(ast.walk(self.tree))
		calls = (node for node in self.nodes if isinstance(node, ast.Call))
		self.named_calls = [(_dotted(call.func) or ast.unparse(call.func), call) for call in calls]

	def _name(self, node: ast.AST, name: str) -> None:
		for child in ast.iter_child_nodes(node):
			inside = (
				f"{name}.{child.name}".strip(".") if isinstance(child, (*FUNCTIONS, ast.ClassDef)) else name
			)
			self.owner[child] = name
			self._name(child, inside)

	def calls(self, pattern: str) -> Iterator[ast.Call]:
		wanted = re.compile(rf"(^|\.)({pattern})$")
		yield from (call for name, call in self.named_calls if wanted.search(name))

	def functions(self) -> Iterator[ast.FunctionDef]:
		yield from (node for node in self.nodes if isinstance(node, FUNCTIONS))


def _dotted(node: ast.AST) -> str | None:
	"""`a.b.c`, which most calls are; writing a whole expression takes much longer."""
	if isinstance(node, ast.Name):
		return node.id
	before = _dotted(node.value) if isinstance(node, ast.Attribute) else None
	return before and f"{before}.{node.attr}"


@dataclass(frozen=True)
class Rule:
	name: str
	bad: str
	good: str
	find: Callable[[Module], Iterator[ast.AST]]


RULES: list[Rule] = []


def rule(name: str, *, bad: str, good: str):
	def add(find: Callable[[Module], Iterator[ast.AST]]):
		RULES.append(Rule(name, bad, good, find))
		return find

	return add


def _text(node: ast.AST | None) -> str | None:
	return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _keyword(call: ast.Call, name: str) -> ast.AST | None:
	return next((k.value for k in call.keywords if k.arg == name), None)


# Transactions and records ------------------------------------------------------------------------


@rule("only named modules commit", bad="frappe.db.commit()\ncommit()", good="frappe.db.rollback()")
def commits(module):
	yield from module.calls(r"(\w+\.)*commit")


@rule(
	"only named modules ignore permissions",
	bad="doc.insert(ignore_permissions=True)",
	good="doc.insert()",
)
def ignored_permissions(module):
	for call in module.calls(r"\w+"):
		value = _keyword(call, "ignore_permissions")
		if value is not None and ast.unparse(value) == "True":
			yield call


@rule(
	"the result of has_permission is used",
	bad="frappe.has_permission('AI Plan')",
	good="allowed = frappe.has_permission('AI Plan')\nfrappe.has_permission('AI Plan', throw=True)",
)
def unread_permissions(module):
	asked = set(module.calls("has_permission"))
	for node in module.nodes:
		if isinstance(node, ast.Expr) and node.value in asked and _keyword(node.value, "throw") is None:
			yield node


@rule(
	"one value of several is ordered with a direction: get_value puts the last one first without",
	bad="frappe.db.get_value('AI Invoice', {}, 'name', order_by='creation')",
	good="frappe.db.get_value('AI Invoice', {}, 'name', order_by='creation asc, name desc')\nfrappe.get_all('X', order_by='creation')",
)
def undirected_values(module):
	for call in module.calls(r"db\.(get_value|get_values|exists)"):
		order = _text(_keyword(call, "order_by"))
		if order and not all(
			re.search(r" (asc|desc)$", part.strip(), re.IGNORECASE) for part in order.split(",")
		):
			yield call


@rule(
	"a change made after the row was written is saved",
	bad="class X(Document):\n\tdef on_update(self):\n\t\tself.total = 1",
	good="class X(Document):\n\tdef on_update(self):\n\t\tself.total = 1\n\t\tself.db_set('total', 1)",
)
def lost_changes(module):
	for function in module.functions():
		if function.name in AFTER_THE_WRITE and not _calls_any(function, SAVES):
			yield from (
				node
				for node in ast.walk(function)
				if isinstance(node, ast.Assign | ast.AugAssign)
				and re.match(r"self\.\w+ [+-]?=", ast.unparse(node))
			)


def _calls_any(node: ast.AST, names: set[str]) -> bool:
	called = (inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call))
	return any(isinstance(func, ast.Attribute) and func.attr in names for func in called)


@rule(
	"controllers define no hook that Frappe does not call",
	bad="class X(Document):\n\tdef after_save(self): ...",
	good="class X(Document):\n\tdef on_update(self): ...",
)
def unknown_hooks(module):
	yield from (function for function in module.functions() if function.name in ("after_save", "on_save"))


@rule(
	"a child table is not modified while it is iterated",
	bad="for row in self.prices:\n\tself.remove(row)",
	good="for row in list(self.prices):\n\tself.remove(row)",
)
def changed_while_walked(module):
	for node in module.nodes:
		if isinstance(node, ast.For) and isinstance(node.iter, ast.Attribute):
			owner = ast.unparse(node.iter.value)
			for call in (inner for inner in ast.walk(node) if isinstance(inner, ast.Call)):
				if ast.unparse(call.func) in (f"{owner}.remove", f"{owner}.append"):
					yield call


@rule(
	"a Single is read and written with the functions for Singles",
	bad="frappe.db.get_value('Payment Settings', None, 'grace_days')",
	good="frappe.db.get_single_value('Payment Settings', 'grace_days')",
)
def singles(module):
	for call in module.calls(r"frappe\.db\.(get|set)_value"):
		if len(call.args) > 1 and ast.unparse(call.args[1]) in ("None", ast.unparse(call.args[0])):
			yield call


@rule(
	"no query runs with debug", bad="frappe.get_all('AI Plan', debug=True)", good="frappe.get_all('AI Plan')"
)
def debugged(module):
	for call in module.calls(r"\w+"):
		value = _keyword(call, "debug")
		if value is not None and ast.unparse(value) in ("True", "1"):
			yield call


@rule(
	"orderby takes its direction as a keyword",
	bad="query.orderby(table.creation, Order.desc)",
	good="query.orderby(table.creation, order=Order.desc)",
)
def lost_directions(module):
	yield from (
		call
		for call in module.calls("orderby")
		if any(re.search(r"\bOrder\.|\.(desc|asc)$|^'(desc|asc)'$", ast.unparse(a)) for a in call.args)
	)


@rule(
	"no DocType class is overridden",
	bad="override_doctype_class = {'User': 'x.User'}",
	good="doc_events = {'User': {}}",
)
def replaced_classes(module):
	for node in module.tree.body:
		if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "override_doctype_class":
			yield node


# Many sites in one process --------------------------------------------------------------------------


@rule(
	"no data of a site is kept at module level",
	bad="RATE = frappe.db.get_value('X', 'y', 'rate')\nclass A:\n\tlabel = _('Paid')\ndef f(x=frappe.conf.x): ...",
	good="def rate():\n\treturn frappe.db.get_value('X', 'y', 'rate')",
)
def kept_in_modules(module):
	for node in _run_at_import(module.tree):
		name = ast.unparse(node.func) if isinstance(node, ast.Call) else ast.unparse(node)
		if isinstance(node, ast.Call | ast.Attribute) and OF_THE_SITE.search(name):
			yield node


def _run_at_import(node: ast.AST) -> Iterator[ast.AST]:
	for child in ast.iter_child_nodes(node):
		if isinstance(child, FUNCTIONS):
			for default in filter(None, (*child.args.defaults, *child.args.kw_defaults)):
				yield from ast.walk(default)
		elif not isinstance(child, ast.Lambda):
			yield child
			yield from _run_at_import(child)


@rule(
	"raw cache commands use a key of this site",
	bad="frappe.cache.set('otp', 1)",
	good="def key() -> bytes:\n\treturn frappe.cache.make_key('otp')\nfrappe.cache.set(key(), 1)",
)
def keys_without_a_site(module):
	makers = {f.name for f in module.functions() if f.returns and ast.unparse(f.returns) == "bytes"}
	for call in module.calls("|".join(rf"cache\.{name}" for name in sorted(RAW_CACHE))):
		key = call.args[0] if call.args else None
		made = isinstance(key, ast.Call) and ast.unparse(key.func).split(".")[-1] in {*makers, "make_key"}
		if not made and not (isinstance(key, ast.Name) and key.id == "key" and makers):
			yield call


@rule(
	"frappe's local proxies are not assigned", bad="frappe.session = None", good="frappe.local.session = None"
)
def replaced_proxies(module):
	for node in _changed_attributes(module):
		if node.attr in PROXIES and ast.unparse(node.value) == "frappe":
			yield node


def _changed_attributes(module: Module) -> Iterator[ast.Attribute]:
	for node in module.nodes:
		if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
			yield node


@rule(
	"no monkey patching",
	bad="from frappe import client\nclient.get_count = None",
	good="from frappe import flags\nflags.payment_event_source = 1",
)
def patched_code(module):
	imported = {
		alias.asname or alias.name
		for node in module.tree.body
		if isinstance(node, ast.ImportFrom | ast.Import)
		for alias in node.names
	} - {"frappe", *PROXIES}
	yield from (n for n in _changed_attributes(module) if ast.unparse(n).split(".")[0] in imported)


@rule(
	"a realtime event has a recipient",
	bad="frappe.publish_realtime('paid')",
	good="frappe.publish_realtime('paid', user='a@example.com')",
)
def shouted_news(module):
	rooms = ("doctype", "docname", "room", "user")
	yield from (c for c in module.calls("publish_realtime") if not any(_keyword(c, r) for r in rooms))


# Texts --------------------------------------------------------------------------------------------


@rule(
	"translated texts are whole and trimmed, with numbered placeholders",
	bad="_('')\n_(' paid')\n_('paid ' + 'late')\n_('a') + _('b')\n_('{} left')\n_('{amount} left')\n_('%s left')",
	good="_('{0} left').format(1)\n_('100 % paid')",
)
def broken_texts(module):
	for node in module.nodes:
		if isinstance(node, ast.BinOp) and all(_is_translation(part) for part in (node.left, node.right)):
			yield node
	for call in module.calls("_"):
		text = _text(call.args[0])
		if isinstance(call.args[0], ast.BinOp | ast.JoinedStr) or (
			text is not None and (not text or text != text.strip() or re.search(r"\{(?!\d+\})|%[sd(]", text))
		):
			yield call


def _is_translation(node: ast.AST) -> bool:
	return isinstance(node, ast.Call) and ast.unparse(node.func) == "_"


@rule(
	"only named modules translate variables",
	bad="_(message)",
	good="_('Paid')\n_(invoice.status)\n_(self.meta.get_label(field))",
)
def unknown_texts(module):
	words = {"doctype", "first_status", "help", "kind", "label", "mode", "severity", "status"}
	for call in module.calls("_"):
		word = call.args[0]
		known = _text(word) is not None or (isinstance(word, ast.Attribute) and word.attr in words)
		known = known or (isinstance(word, ast.Call) and ast.unparse(word.func).endswith(".get_label"))
		if not known and not isinstance(word, ast.BinOp | ast.JoinedStr):
			yield call


@rule(
	"refusals are translated",
	bad="frappe.throw('Too late')\nraise Conflict(f'Too late for {name}')\nfrappe.msgprint('Done')",
	good="frappe.throw(_('Too late'))\nraise Conflict(_('Too late for {0}').format(name))",
)
def untranslated_refusals(module):
	refusals = "|".join(sorted(_refusals(module)))
	for call in module.calls(r"frappe\.(throw|msgprint)" + (f"|{refusals}" if refusals else "")):
		if call.args and (_text(call.args[0]) is not None or isinstance(call.args[0], ast.JoinedStr)):
			yield call


def _refusals(module: Module) -> set[str]:
	"""Return the exception classes that the module imports from ours; people read their texts."""
	return {"Conflict"} | {
		alias.asname or alias.name
		for node in module.nodes
		if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("oropendola_payments.exceptions")
		for alias in node.names
		if alias.name[0].isupper()
	}


@rule(
	"labels of report columns are translated",
	bad="columns = [{'label': 'Amount'}]",
	good="columns = [{'label': _('Amount')}]",
)
def untranslated_labels(module):
	for node in module.nodes:
		if isinstance(node, ast.Dict):
			for key, value in zip(node.keys, node.values, strict=True):
				if _text(key) == "label" and _text(value):
					yield value


@rule(
	"no stored template is formatted or rendered",
	bad="settings.otp_text.format(code)\nfrappe.render_template(doc.body, {})",
	good="_('{0} left').format(1)\n'{0}'.format(1)\nTEXT.format(1)",
)
def foreign_templates(module):
	for call in module.calls(r"\w+\.format|.*\.format"):
		source = call.func.value if isinstance(call.func, ast.Attribute) else None
		if isinstance(source, ast.Attribute):
			yield call
	for call in module.calls("render_template"):
		if not (call.args and (_text(call.args[0]) or isinstance(call.args[0], ast.Name))):
			yield call
