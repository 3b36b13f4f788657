"""All differences between Frappe v15 and v16 that this app meets."""

import frappe


def affected_rows() -> int:
	"""How many rows the last statement changed."""
	return frappe.db._cursor.rowcount


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

__all__ = ["TestCase", "affected_rows", "desk_path"]
