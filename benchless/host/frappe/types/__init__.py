"""Values that are dicts and objects at once, and the types of fields (`DF`)."""

from typing import TYPE_CHECKING, Any

from . import DF  # noqa: F401  controllers import it from here


class _dict(dict):
	"""A dict whose keys are attributes too; a key that is missing reads as None."""

	__slots__ = ()
	__delattr__ = dict.__delitem__

	if TYPE_CHECKING:

		def __setattr__(self, key: str, value: Any) -> None: ...

	else:
		__setattr__ = dict.__setitem__

	def __getattr__(self, key) -> Any:
		value = self.get(key)
		if value is None and key.startswith("__") and key.endswith("__") and key not in self:
			raise AttributeError(key)  # copy and pickle ask for dunder names
		return value

	def __setstate__(self, state):
		self.update(state)

	def __getstate__(self):
		return self

	def update(self, d=None, /, **kwargs):
		super().update(d or {}, **kwargs)
		return self

	def copy(self):
		return _dict(self)
