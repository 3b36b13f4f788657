"""`frappe.cache`: what the app uses of Redis, kept in the memory of this process."""

import fnmatch
import pickle
import re
import threading
import time
from bisect import bisect_left, insort
from typing import TYPE_CHECKING

import frappe

from .._absent import _Absent, _absent


class _Memory:
	"""Raw Redis commands: keys and values are bytes, or hashes of them."""

	def __init__(self):
		self._data, self._expiry = {}, {}
		self._names: list[bytes] = []  # of `_data`, in order
		self._guard = threading.RLock()

	def _live(self, key) -> bytes:
		key = _bytes(key)
		if self._expiry.get(key, float("inf")) <= time.time():
			self._drop(key)
		return key

	def _drop(self, key) -> int:
		self._expiry.pop(key, None)
		if self._data.pop(key, None) is None:
			return 0
		del self._names[bisect_left(self._names, key)]
		return 1

	def _put(self, key: bytes, value) -> None:
		if key not in self._data:
			insort(self._names, key)
		self._data[key] = value

	def get(self, name):
		with self._guard:
			return self._data.get(self._live(name))

	def mget(self, names):
		with self._guard:
			return [self.get(name) for name in names]

	def set(self, name, value, ex=None, *, nx=False):
		with self._guard:
			key = self._live(name)
			if nx and key in self._data:
				return None
			self._put(key, _bytes(value))
			self._expiry.pop(key, None)
			if ex:
				self._expiry[key] = time.time() + ex
			return True

	def setex(self, name, time, value):
		return self.set(name, value, ex=time)

	def incrby(self, name, amount=1):
		with self._guard:
			key = self._live(name)
			self._put(key, _bytes(int(self._data.get(key, 0)) + amount))
			return int(self._data[key])

	incr = incrby

	def expire(self, name, time):
		with self._guard:
			return self._expire(self._live(name), time)

	def _expire(self, key: bytes, seconds) -> bool:
		if key in self._data:
			self._expiry[key] = time.time() + seconds
		return key in self._data

	def ttl(self, name):
		with self._guard:
			key = self._live(name)
			if key not in self._data:
				return -2
			return max(0, round(self._expiry[key] - time.time())) if key in self._expiry else -1

	def delete(self, *names):
		with self._guard:
			return sum(self._drop(_bytes(name)) for name in names)

	def keys(self, pattern="*"):
		with self._guard:
			wanted = _bytes(pattern).decode()
			begin = re.split(r"[*?\[]", wanted)[0].encode()  # nearly all patterns are a beginning and a star
			last = begin + b"\xff"  # no key has this byte
			near = self._names[bisect_left(self._names, begin) : bisect_left(self._names, last)]
			live = [key for key in near if self._live(key) in self._data]
			if wanted.encode() == begin + b"*":
				return live
			return [key for key in live if fnmatch.fnmatchcase(key.decode(), wanted)]


def _bytes(value) -> bytes:
	return value if isinstance(value, bytes) else str(value).encode()


class RedisWrapper(_Memory):
	"""Frappe's layer: keys carry the site, values are any Python objects, `frappe.local` remembers them."""

	def __call__(self):
		return self

	def rpush(self, key, value):
		with self._guard:
			key = self._live(self.make_key(key))
			self._put(key, [*self._data.get(key, ()), _bytes(value)])
			return len(self._data[key])

	def lpop(self, key):
		with self._guard:
			key = self._live(self.make_key(key))
			first, *rest = self._data.get(key) or [None]
			if rest:
				self._put(key, rest)
			else:
				self._drop(key)
			return first

	def make_key(self, key, user=None, shared=False):
		if shared:
			return key
		if user:
			key = f"user:{frappe.session.user if user is True else user}:{key}"
		return f"{frappe.local.conf.get('db_name')}|{key}".encode()

	def set_value(self, key, val, user=None, expires_in_sec=None, shared=False):
		key = self.make_key(key, user, shared)
		if not expires_in_sec:
			frappe.local.cache[key] = val
		self.set(key, pickle.dumps(val), ex=expires_in_sec)

	def get_value(self, key, generator=None, user=None, expires=False, shared=False):
		made = self.make_key(key, user, shared)
		if made in frappe.local.cache:
			return frappe.local.cache[made]
		stored = self.get(made)
		value = None if stored is None else pickle.loads(stored)
		if expires:
			return value
		if value is None and generator:
			value = generator()
			self.set_value(key, value, user=user, shared=shared)
		frappe.local.cache[made] = value
		return value

	def get_keys(self, key):
		"""The names of this site's entries that begin so."""
		return self.keys(self.make_key(f"{key}*"))

	def delete_keys(self, key):
		self.delete_value(self.get_keys(key), make_keys=False)

	def delete_value(self, keys, user=None, make_keys=True, shared=False):
		keys = list(keys) if isinstance(keys, list | tuple) else [keys]
		for key in [self.make_key(key, user, shared) for key in keys] if make_keys else keys:
			frappe.local.cache.pop(key, None)
			self.delete(key)

	def hset(self, name: str, key: str, value, shared: bool = False):
		made = _bytes(self.make_key(name, shared=shared))
		frappe.local.cache.setdefault(made, {})[key] = value
		with self._guard:
			if self._live(made) not in self._data:
				self._put(made, {})
			self._data[made][_bytes(key)] = pickle.dumps(value)

	def hget(self, name, key, generator=None, shared=False):
		made = _bytes(self.make_key(name, shared=shared))
		local = frappe.local.cache.setdefault(made, {})
		if key in local:
			return local[key]
		with self._guard:
			stored = self._data.get(self._live(made), {}).get(_bytes(key))
		if stored is not None:
			local[key] = pickle.loads(stored)
		elif generator:
			self.hset(name, key, generator(), shared=shared)
		return local.get(key)

	def hgetall(self, name):
		with self._guard:
			stored = dict(self._data.get(self._live(self.make_key(name)), {}))
		return {key: pickle.loads(value) for key, value in stored.items()}

	def hdel(self, name, key, /, shared=False):
		made = _bytes(self.make_key(name, shared=shared))
		frappe.local.cache.get(made, {}).pop(key, None)
		with self._guard:
			self._data.get(made, {}).pop(_bytes(key), None)

	if not TYPE_CHECKING:

		def __getattr__(self, name):
			if name.startswith("_"):
				raise AttributeError(name)
			raise _Absent(f"benchless has no frappe.cache.{name}; use a bench")


def setup_cache():
	return RedisWrapper()


_absent("frappe.utils.redis_wrapper")
