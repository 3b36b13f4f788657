"""What the checks of the invariants found last, and what has changed since: together they are what is known now.

Comparing every invoice with its payments takes minutes on a large site. What changes one of them also leaves an event in the
audit trail, so the checks, and readers between two of them, look only at what the events name.
"""

from datetime import datetime

import frappe

KEY = "oropendola_checked"
# Of each invariant, the first records that violate it.
MOST = 50


def last() -> frappe._dict:
	"""Return what is known: `violations`, `counts`, and when both were checked. All are empty if Redis was emptied since."""
	return frappe._dict(frappe.cache.get_value(KEY) or {})


def violating(rule: str) -> list[str]:
	"""Return the records that violated this invariant when it was checked last."""
	return (last().violations or {}).get(rule, [])


def changed_since(doctype: str, since: datetime) -> list[str]:
	"""Return the names of invoices, or of other records, with an event at or after this time."""
	event = frappe.qb.DocType("Payment Event")
	column = event.invoice if doctype == "AI Invoice" else event.reference_name
	query = frappe.qb.from_(event).select(column).distinct().where(event.creation >= since)
	if doctype != "AI Invoice":
		query = query.where(event.reference_doctype == doctype)
	return sorted(name for name in query.run(pluck=True) if name)
