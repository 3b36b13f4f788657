"""Overrides of Frappe endpoints that would reveal data of our records."""

from typing import Any

import frappe
from frappe import client

from oropendola_payments.compat import permitted_count

MODULE = "AI Billing"


@frappe.whitelist()
def get_count(doctype: str, filters: Any = None, debug: Any = False, cache: Any = False) -> int:
	"""As in Frappe, but with permissions for our records, because counts with filters can reveal the value of any field."""
	if frappe.get_meta(doctype).module != MODULE:
		return client.get_count(doctype, filters, debug, cache)  # type: ignore[attr-defined]  # only on a bench
	return permitted_count(doctype, frappe.parse_json(filters))
