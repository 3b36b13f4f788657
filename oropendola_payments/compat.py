"""All differences between Frappe v15 and v16, and the Pythons they run on, that this app meets."""

import sys

import frappe


def affected_rows() -> int:
	"""How many rows the last statement changed."""
	return frappe.db._cursor.rowcount


def permitted_count(doctype: str, filters) -> int:
	"""How many records the user may see. v16 takes no SQL function as text among the fields."""
	count = {"COUNT": "name", "as": "total"} if _major() >= 16 else "count(name) as total"
	rows = frappe.get_list(doctype, filters=filters, fields=[count], limit_page_length=1)
	return int(rows[0].total or 0) if rows else 0


def desk_path() -> str:
	"""Where the Desk lives: `/app` in v15, `/desk` in v16."""
	return "/desk" if _major() >= 16 else "/app"


def _major() -> int:
	digits = frappe.__version__.split(".")[0]
	return int(digits) if digits.isdigit() else 0


try:
	from frappe.tests import IntegrationTestCase as TestCase
except ImportError:
	from frappe.tests.utils import FrappeTestCase as TestCase

if sys.version_info < (3, 11):

	class TestCase(TestCase):
		def enterContext(self, context):
			"""As `unittest` has it from Python 3.11 on."""
			entered = context.__enter__()
			self.addCleanup(context.__exit__, None, None, None)
			return entered


__all__ = ["TestCase", "affected_rows", "desk_path", "permitted_count"]
