"""The base class of tests on a site."""

import copy
import unittest
from contextlib import contextmanager

import frappe
from frappe._absent import _absent


class FrappeTestCase(unittest.TestCase):
	"""What the tests of a class write is rolled back after the class, unless they commit."""

	maxDiff = 10_000

	@classmethod
	def setUpClass(cls) -> None:
		cls.TEST_SITE = frappe.local.site
		frappe.db.commit()
		cls.addClassCleanup(_restore_thread_locals, copy.deepcopy(frappe.local.flags))
		cls.addClassCleanup(_rollback_db)
		super().setUpClass()

	@contextmanager
	def set_user(self, user: str):
		before = frappe.session.user
		frappe.set_user(user)
		try:
			yield
		finally:
			frappe.set_user(before)


def _rollback_db():
	frappe.db.value_cache = {}
	frappe.db.rollback()


def _restore_thread_locals(flags):
	frappe.local.flags = flags
	frappe.local.error_log, frappe.local.message_log = [], []
	frappe.local.conf = frappe._dict(frappe.get_site_config())
	frappe.local.cache = {}
	frappe.local.lang = "en"
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


_absent("frappe.tests.utils")
