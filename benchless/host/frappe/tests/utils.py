"""The base class of tests on a site."""

import copy
import datetime
import unittest
from collections.abc import Sequence
from contextlib import contextmanager
from unittest.mock import patch

import frappe
from frappe.model.base_document import BaseDocument
from frappe.utils import cint


class FrappeTestCase(unittest.TestCase):
	"""What the tests of a class write is rolled back after the class, unless they commit."""

	TEST_SITE = "test_site"
	SHOW_TRANSACTION_COMMIT_WARNINGS = False
	maxDiff = 10_000

	@classmethod
	def setUpClass(cls) -> None:
		cls.TEST_SITE = getattr(frappe.local, "site", None) or cls.TEST_SITE
		cls.ADMIN_PASSWORD = frappe.get_conf(cls.TEST_SITE).admin_password
		cls._primary_connection, cls._secondary_connection = frappe.local.db, None
		frappe.db.commit()
		cls.addClassCleanup(_restore_thread_locals, copy.deepcopy(frappe.local.flags))
		cls.addClassCleanup(_rollback_db)
		super().setUpClass()

	def assertSequenceSubset(self, larger: Sequence, smaller: Sequence, msg=None):
		self.assertTrue(set(smaller).issubset(set(larger)), msg=msg)

	def assertDocumentEqual(self, expected, actual):
		"""Every expected field is in the actual document, rows of tables included."""
		if isinstance(expected, BaseDocument):
			expected = expected.as_dict()
		for field, value in expected.items():
			if isinstance(value, list):
				rows = actual.get(field)
				self.assertEqual(len(value), len(rows), msg=f"{field} length should be same")
				for row, actual_row in zip(value, rows, strict=True):
					self.assertDocumentEqual(row, actual_row)
			else:
				self._compare_field(value, actual.get(field), actual, field)

	def _compare_field(self, expected, actual, doc: BaseDocument, field: str):
		message = f"{field} should be same."
		if isinstance(expected, float):
			self.assertAlmostEqual(expected, actual, places=doc.precision(field), msg=message)
		elif isinstance(expected, bool | int):
			self.assertEqual(expected, cint(actual), msg=message)
		elif isinstance(expected, datetime.date | datetime.time | datetime.timedelta):
			self.assertEqual(str(expected), str(actual), msg=message)
		else:
			self.assertEqual(expected, actual, msg=message)

	@contextmanager
	def primary_connection(self):
		with _using(self._primary_connection):
			yield

	@contextmanager
	def secondary_connection(self):
		"""Act on a second connection, as another user would."""
		if self._secondary_connection is None:
			primary = frappe.local.db
			frappe.connect()
			type(self)._secondary_connection, frappe.local.db = frappe.local.db, primary
		self.addCleanup(self._rollback_connections)
		with _using(self._secondary_connection):
			yield

	def _rollback_connections(self):
		self._primary_connection.rollback()
		self._secondary_connection.rollback()

	@contextmanager
	def assertQueryCount(self, count):
		queries = []
		original = frappe.db.__class__.sql

		def counting(db, *args, **kwargs):
			result = original(db, *args, **kwargs)
			queries.append(db.last_query)
			return result

		with patch.object(frappe.db.__class__, "sql", counting):
			yield
		self.assertLessEqual(len(queries), count, msg="Queries executed: \n" + "\n\n".join(queries))

	@contextmanager
	def set_user(self, user: str):
		before = frappe.session.user
		frappe.set_user(user)
		try:
			yield
		finally:
			frappe.set_user(before)


@contextmanager
def _using(connection):
	before, frappe.local.db = frappe.local.db, connection
	try:
		yield
	finally:
		frappe.local.db = before


def _rollback_db():
	frappe.db.value_cache = {}
	frappe.db.rollback()


def _restore_thread_locals(flags):
	frappe.local.flags = flags
	frappe.local.error_log, frappe.local.message_log, frappe.local.debug_log = [], [], []
	frappe.local.conf = frappe._dict(frappe.get_site_config())
	frappe.local.cache = {}
	frappe.local.lang = "en"
	frappe.local.preload_assets = {"style": [], "script": [], "icons": []}
	if hasattr(frappe.local, "request"):
		del frappe.local.request


@contextmanager
def change_settings(doctype, settings_dict=None, /, commit=False, **settings):
	"""Other values in a Single for the time of a block or of a decorated test."""
	wanted = settings if settings_dict is None else settings_dict
	before = {key: frappe.get_doc(doctype).get(key) for key in wanted}
	try:
		_save(doctype, wanted, commit)
		yield
	finally:
		_save(doctype, before, commit)


def _save(doctype: str, values: dict, commit: bool) -> None:
	frappe.get_doc(doctype).update(values).save(ignore_permissions=True)
	frappe.db.value_cache.pop(doctype, None)
	if commit:
		frappe.db.commit()


@contextmanager
def patch_hooks(overridden_hoooks):
	original = frappe.get_hooks

	def patched(hook=None, default="_KEEP_DEFAULT_LIST", app_name=None):
		return overridden_hoooks[hook] if hook in overridden_hoooks else original(hook, default, app_name)

	with patch.object(frappe, "get_hooks", patched):
		yield
