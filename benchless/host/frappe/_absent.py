"""What benchless does not have says so, instead of doing nothing."""


class _Absent(NotImplementedError, AttributeError):
	"""Also an AttributeError, so that hasattr(), getattr() with a default and `from ... import` work as usual."""


def _absent(module: str):
	"""A module-level `__getattr__` for a stand-in module."""

	def __getattr__(name: str):
		if name.startswith("_"):
			raise AttributeError(f"module {module!r} has no attribute {name!r}")
		raise _Absent(f"benchless has no {module}.{name}; use a bench")

	return __getattr__
