"""A process that dies: after the n-th statement, or around a call to a gateway, nothing more of it happens."""

import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from unittest.mock import patch

import frappe
import requests


class Died(BaseException):
	"""Nothing catches it: `except Exception` is what the code under test uses."""


class Death:
	"""Counts moments of this thread and dies at one of them; number 0 only counts."""

	def __init__(self, at: int = 0):
		self.at, self.moments, self.is_dead = at, 0, False
		self.thread = threading.get_ident()

	def moment(self):
		if self.is_dead:
			raise Died  # a clean-up that a dead process does not do
		self.moments += 1
		if self.moments == self.at:
			self.is_dead = True
			raise Died

	def concerns_me(self) -> bool:
		return threading.get_ident() == self.thread


@contextmanager
def dying(at: int = 0):
	"""Inside, the process dies at this moment. Yields the counter; what was not committed is gone afterwards."""
	death = Death(at)
	with _after_statements(death), _around_gateway_calls(death), suppress(Died):
		yield death
	if death.is_dead:
		_forget_what_was_not_committed()


def moments_of(work: Callable) -> int:
	"""In how many moments the process could die while it does this."""
	with dying() as death:
		work()
	return death.moments


@contextmanager
def _after_statements(death: Death):
	database = frappe.db.__class__
	original = database.sql

	def sql(db, query, *args, **kwargs):
		if not death.concerns_me():
			return original(db, query, *args, **kwargs)
		if death.is_dead:
			raise Died
		rows = original(db, query, *args, **kwargs)
		if not str(query).lower().lstrip().startswith("start transaction"):
			death.moment()
		return rows

	with patch.object(database, "sql", sql):
		yield


@contextmanager
def _around_gateway_calls(death: Death):
	original = requests.Session.send

	def send(session, request, **options):
		if not death.concerns_me():
			return original(session, request, **options)
		death.moment()
		answer = original(session, request, **options)
		death.moment()
		return answer

	with patch.object(requests.Session, "send", send):
		yield


def _forget_what_was_not_committed():
	frappe.db.rollback()
	frappe.db.value_cache = {}
	frappe.clear_messages()
	frappe.flags.payment_event_source = None
	frappe.set_user("Administrator")
