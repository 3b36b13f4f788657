"""Calls of the framework that would tell more of our records than a user may know."""

from typing import Any

import frappe
from frappe import client

from oropendola_payments.compat import permitted_count

MODULE = "AI Billing"


@frappe.whitelist()
def get_count(doctype: str, filters: Any = None, debug: Any = False, cache: Any = False) -> int:
	"""As the framework's, but our records are counted with permissions: a count with filters can spell out any field."""
	if frappe.get_meta(doctype).module != MODULE:
		return client.get_count(doctype, filters, debug, cache)
	return permitted_count(doctype, frappe.parse_json(filters))
