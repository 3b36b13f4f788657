class _dict(dict):
	"""A dict whose keys are attributes too; a key that is missing reads as None."""

	__slots__ = ()
	__setattr__ = dict.__setitem__
	__delattr__ = dict.__delitem__

	def __getattr__(self, key):
		if key.startswith("__") and key.endswith("__") and key not in self:
			raise AttributeError(key)  # copy and pickle ask for dunder names
		return self.get(key)

	def __setstate__(self, state):
		self.update(state)

	def __getstate__(self):
		return self

	def update(self, d=None, /, **kwargs):
		super().update(d or {}, **kwargs)
		return self

	def copy(self):
		return _dict(self)
