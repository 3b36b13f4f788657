"""The app's own source as syntax trees, for rules about the code itself."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

APP = Path(__file__).parents[2]
ROOT = APP.parent
NAME = "oropendola_payments"
DOTTED = re.compile(rf"{NAME}(\.\w+)+")


@dataclass(frozen=True)
class Import:
	module: str  # what is imported, such as oropendola_payments.engine.metering.usage
	path: Path
	line: int
	is_lazy: bool  # inside a function
	is_text: bool = False  # only named, as a job of the queue is
	is_type: bool = False  # under `if TYPE_CHECKING:`, so nothing is loaded

	def __str__(self):
		return (
			f"{self.path.relative_to(APP)}:{self.line} {'names' if self.is_text else 'imports'} {self.module}"
		)


def files(*parts: str, tests: bool = False) -> list[Path]:
	"""The Python files below a folder of the app; its tests only when asked for."""
	found = sorted(APP.joinpath(*parts).rglob("*.py"))
	return [path for path in found if tests or not is_test(path)]


def is_test(path: Path) -> bool:
	return path.name.startswith("test_") or "tests" in path.relative_to(APP).parts[:-1]


@cache
def tree_of(path: Path) -> ast.Module:
	return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imports_of(path: Path) -> list[Import]:
	return list(imports_in(tree_of(path), path))


def imports_in(tree: ast.Module, path: Path) -> Iterator[Import]:
	lines = _lines_for_type_checkers(tree)
	for found in _imports(tree, path, lazy=False):
		yield replace(found, is_type=found.line in lines)


def statements(tree: ast.AST) -> Iterator[ast.AST]:
	"""Every statement, also inside others; expressions, which are most of a tree, are left out."""
	for child in ast.iter_child_nodes(tree):
		if not isinstance(child, ast.expr):
			yield child
			yield from statements(child)


def _lines_for_type_checkers(tree: ast.AST) -> set[int]:
	blocks = [
		node for node in statements(tree) if isinstance(node, ast.If) and _is_for_type_checkers(node.test)
	]
	return {line for block in blocks for line in range(block.lineno, block.end_lineno + 1)}


def _is_for_type_checkers(test: ast.expr) -> bool:
	return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def names_in(tree: ast.Module, path: Path) -> Iterator[Import]:
	"""Dotted names of ours that are whole texts: what a queue or a registry calls by its name."""
	for node in ast.walk(tree):
		if isinstance(node, ast.Constant) and isinstance(node.value, str) and DOTTED.fullmatch(node.value):
			yield Import(node.value, path, node.lineno, is_lazy=False, is_text=True)


def _imports(node: ast.AST, path: Path, lazy: bool) -> Iterator[Import]:
	for child in ast.iter_child_nodes(node):
		if isinstance(child, ast.expr):
			continue  # nothing is imported inside of an expression
		inside = lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
		if isinstance(child, ast.Import):
			for alias in child.names:
				yield Import(alias.name, path, child.lineno, lazy)
		elif isinstance(child, ast.ImportFrom):
			yield from _names(child, path, lazy)
		yield from _imports(child, path, inside)


def _names(node: ast.ImportFrom, path: Path, lazy: bool) -> Iterator[Import]:
	"""`from a import b` may name a module a.b or something inside a."""
	module = "." * node.level + (node.module or "")
	for alias in node.names:
		yield Import(f"{module}.{alias.name}", path, node.lineno, lazy)
