"""Missing features raise an error instead of doing nothing."""

import sys


class _Absent(NotImplementedError, AttributeError):
	"""Also an AttributeError, so that hasattr(), getattr() with a default and `from ... import` work as usual."""


class _AbsentModule(ModuleNotFoundError, NotImplementedError):
	"""Also what Python raises for a module that is not there."""


def _absent(module: str) -> None:
	"""Give a stand-in module its `__getattr__`, unseen by type checkers: for them a name is there or is a mistake."""

	def __getattr__(name: str):
		if name.startswith("_"):
			raise AttributeError(f"module {module!r} has no attribute {name!r}")
		raise _Absent(f"benchless has no {module}.{name}; use a bench")

	sys.modules[module].__getattr__ = __getattr__


class _LastFinder:
	"""The last module finder: it raises for a module of Frappe that nothing else found."""

	@staticmethod
	def find_spec(name, path=None, target=None):
		if name.startswith("frappe."):
			raise _AbsentModule(f"benchless has no {name}; use a bench", name=name)


sys.meta_path.append(_LastFinder)
