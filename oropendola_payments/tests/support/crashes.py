"""A process that crashes after its n-th statement, or before or after a call to a gateway: nothing more of it happens."""

import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from unittest.mock import patch

import frappe
import requests


class Crashed(BaseException):
	"""The code under test does not catch it, because it catches `Exception` only."""


class Crash:
	"""Counts the points of this thread and crashes at one of them; at 0 it only counts."""

	def __init__(self, at: int = 0):
		self.at, self.points, self.has_crashed = at, 0, False
		self.thread = threading.get_ident()

	def point(self):
		if self.has_crashed:
			raise Crashed  # a crashed process does no clean-up
		self.points += 1
		if self.points == self.at:
			self.has_crashed = True
			raise Crashed

	def is_in_my_thread(self) -> bool:
		return threading.get_ident() == self.thread


@contextmanager
def crashing(at: int = 0):
	"""Inside, the process crashes at this point. Yields the counter; what was not committed is gone afterwards."""
	crash = Crash(at)
	with _after_statements(crash), _around_gateway_calls(crash), suppress(Crashed):
		yield crash
	if crash.has_crashed:
		_discard_uncommitted_work()


def count_crash_points(work: Callable) -> int:
	"""At how many points the process could crash while it does this."""
	with crashing() as crash:
		work()
	return crash.points


@contextmanager
def _after_statements(crash: Crash):
	database = frappe.db.__class__
	original = database.sql

	def sql(db, query, *args, **kwargs):
		if not crash.is_in_my_thread():
			return original(db, query, *args, **kwargs)
		if crash.has_crashed:
			raise Crashed
		rows = original(db, query, *args, **kwargs)
		if not str(query).lower().lstrip().startswith("start transaction"):
			crash.point()
		return rows

	with patch.object(database, "sql", sql):
		yield


@contextmanager
def _around_gateway_calls(crash: Crash):
	original = requests.Session.send

	def send(session, request, **options):
		if not crash.is_in_my_thread():
			return original(session, request, **options)
		crash.point()
		answer = original(session, request, **options)
		crash.point()
		return answer

	with patch.object(requests.Session, "send", send):
		yield


def _discard_uncommitted_work():
	frappe.db.rollback()
	frappe.db.value_cache.clear()
	frappe.clear_messages()
	frappe.flags.payment_event_source = None
	frappe.set_user("Administrator")
