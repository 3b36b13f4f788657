"""Everything that benchless offers exists in Frappe: names and signatures are compared on a bench.

The stand-in is read as source, so that on a bench the real Frappe is what gets imported. Without a bench it is compared with itself,
which still finds files that do not parse and names that do not import.
"""

import ast
import importlib
import inspect
import unittest
from pathlib import Path

import oropendola_payments
from oropendola_payments.tests.support.case import TestCase

STAND_IN = Path(oropendola_payments.__file__).resolve().parent.parent / "benchless" / "host" / "frappe"
# Modules that exist to run the stand-in itself; nothing of the app imports them.
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@unittest.skipUnless(STAND_IN.is_dir(), "The repository's benchless folder is not beside the app.")
class TestParity(TestCase):
	def test_every_public_module_exists_in_frappe(self):
		missing = [module for module, _path in modules() if not importable(module)]
		self.assertEqual(missing, [])

	def test_every_public_name_exists_in_frappe(self):
		missing = []
		for module, path in modules():
			real = importlib.import_module(module)
			missing += [f"{module}.{name}" for name in public_names(path) if not hasattr(real, name)]
		self.assertEqual(missing, [])

	def test_every_function_takes_what_frappes_function_takes(self):
		faults = []
		for module, path in modules():
			real = importlib.import_module(module)
			for name, node, owner in functions(path):
				target = getattr(getattr(real, owner, None) if owner else real, name, None)
				if target is None and owner:
					faults.append(f"{module}.{owner}.{name} does not exist")
				elif callable(target):
					faults += [
						f"{module}.{owner + '.' if owner else ''}{name}: {fault}"
						for fault in differences(node, target)
					]
		self.assertEqual(faults, [])


def modules() -> list[tuple[str, Path]]:
	found = []
	for path in sorted(STAND_IN.rglob("*.py")):
		parts = path.relative_to(STAND_IN).with_suffix("").parts
		if (
			any(part.startswith("_") and part != "__init__" for part in parts)
			or "doctype" in parts
			or "www" in parts
		):
			continue
		found.append((".".join(("frappe", *(part for part in parts if part != "__init__"))), path))
	return found


def importable(module: str) -> bool:
	try:
		importlib.import_module(module)
	except ImportError:
		return False
	return True


def public_names(path: Path) -> list[str]:
	names = []
	for node in ast.parse(path.read_text()).body:
		if isinstance(node, ast.FunctionDef | ast.ClassDef):
			names.append(node.name)
		elif isinstance(node, ast.Assign):
			names += [target.id for target in node.targets if isinstance(target, ast.Name)]
			names += _offered(node)
	return [name for name in names if not name.startswith("_")]


def _offered(node: ast.Assign) -> list[str]:
	"""What `__all__` lists: names that a module takes from a library and offers as its own."""
	is_list = isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__"
	return ast.literal_eval(node.value) if is_list else []


def functions(path: Path) -> list[tuple[str, ast.FunctionDef, str]]:
	"""Public functions and methods with the class they belong to."""
	found = []
	for node in ast.parse(path.read_text()).body:
		if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
			found.append((node.name, node, ""))
		elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
			methods = [n for n in node.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
			found += [(method.name, method, node.name) for method in methods]
	return found


def differences(node: ast.FunctionDef, target) -> list[str]:
	"""Parameters of benchless that the real function would refuse or take at another position.

	One that can only be passed by its position may have another name: v15 and v16 differ there.
	"""
	try:
		real = inspect.signature(target).parameters
	except (TypeError, ValueError):
		return []
	if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in real.values()):
		return []
	ours = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
	ours = [name for name in ours if name not in ("self", "cls")]
	by_position = {argument.arg for argument in node.args.posonlyargs}
	theirs = [name for name, p in real.items() if p.kind in POSITIONAL and name not in ("self", "cls")]
	takes_more = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in real.values())
	faults = [
		f"has no parameter {name}"
		for name in (*ours, *(a.arg for a in node.args.kwonlyargs))
		if name not in real and name not in by_position
	]
	if not takes_more and not faults:
		faults += [
			f"{name} is at another place"
			for at, name in enumerate(ours)
			if theirs[at : at + 1] != [name] and name not in by_position
		]
	return faults
