"""Report: customers who are behind with the parts of an invoice."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.overdue_parts import overdue_parts


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict]]:
	"""Return columns and rows, the earliest due date first."""
	wanted = {"user": (filters or {}).get("customer"), "currency": (filters or {}).get("currency")}
	wanted = {name: value for name, value in wanted.items() if value}
	rows = [row for row in overdue_parts() if all(row[name] == value for name, value in wanted.items())]
	return columns(), [{**row, **_service_of(row)} for row in rows]


def _service_of(row: frappe._dict) -> dict:
	"""Return how the subscription stands, and until when the paid parts cover it."""
	status = row.subscription and frappe.db.get_value("AI Subscription", row.subscription, "status")
	return {"service": status or "", "covered_until": row.period_end if row.covered_days else None}


def columns() -> list[dict]:
	return [
		{"fieldname": "user", "label": _("Customer"), "fieldtype": "Link", "options": "User", "width": 200},
		{
			"fieldname": "invoice",
			"label": _("Invoice"),
			"fieldtype": "Link",
			"options": "AI Invoice",
			"width": 150,
		},
		{"fieldname": "number", "label": _("Part"), "fieldtype": "Int", "width": 70},
		{
			"fieldname": "left",
			"label": _("Not Paid"),
			"fieldtype": "Currency",
			"options": "currency",
			"width": 120,
		},
		{"fieldname": "currency", "label": _("Currency"), "fieldtype": "Data", "width": 90},
		{"fieldname": "due_on", "label": _("Due On"), "fieldtype": "Date", "width": 110},
		{"fieldname": "days_overdue", "label": _("Days Overdue"), "fieldtype": "Int", "width": 115},
		{"fieldname": "service", "label": _("Subscription"), "fieldtype": "Data", "width": 110},
		{"fieldname": "covered_until", "label": _("Covered Until"), "fieldtype": "Date", "width": 120},
		{"fieldname": "last_reminder", "label": _("Last Reminder"), "fieldtype": "Data", "width": 130},
	]
