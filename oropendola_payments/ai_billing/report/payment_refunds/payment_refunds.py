"""Report: refunds of a period, with status, reason and requester."""

import frappe
from frappe import _
from frappe.utils import add_days, escape_html, getdate

from oropendola_payments.ai_billing import analytics
from oropendola_payments.ai_billing.periods import today


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict]]:
	"""Return columns and rows, the latest first."""
	filters = {**(filters or {})}
	filters["gateway"] = analytics.gateway_code(filters.get("gateway"))
	last = getdate(filters.get("to_date") or today())
	first = getdate(filters.get("from_date") or add_days(last, -30))
	conditions = [["creation", ">=", first], ["creation", "<", add_days(last, 1)]]
	conditions += [
		[name, "=", filters[name]] for name in ("status", "gateway", "currency") if filters.get(name)
	]
	fields = [column["fieldname"] for column in columns()]
	rows = frappe.get_all("Payment Refund", conditions, fields, order_by="creation desc")
	labels = analytics.gateway_labels()
	return columns(), [
		{**row, "gateway": labels.get(row.gateway, row.gateway), **_escaped(row)} for row in rows
	]


def _escaped(row: frappe._dict) -> dict:
	"""Return the free-text columns escaped, because the Desk renders cells as HTML and they come from users and gateways."""
	return {name: escape_html(row[name] or "") for name in ("reason", "error_message")}


def columns() -> list[dict]:
	return [
		{"fieldname": "creation", "label": _("Requested On"), "fieldtype": "Datetime", "width": 182},
		{
			"fieldname": "name",
			"label": _("Refund"),
			"fieldtype": "Link",
			"options": "Payment Refund",
			"width": 185,
		},
		{
			"fieldname": "invoice",
			"label": _("Invoice"),
			"fieldtype": "Link",
			"options": "AI Invoice",
			"width": 150,
		},
		{"fieldname": "gateway", "label": _("Gateway"), "fieldtype": "Data", "width": 100},
		{"fieldname": "status", "label": _("Status"), "fieldtype": "Data", "width": 100},
		{
			"fieldname": "amount",
			"label": _("Amount"),
			"fieldtype": "Currency",
			"options": "currency",
			"width": 120,
		},
		{"fieldname": "currency", "label": _("Currency"), "fieldtype": "Data", "width": 90},
		{"fieldname": "reason", "label": _("Reason"), "fieldtype": "Data", "width": 220},
		{"fieldname": "owner", "label": _("Requested By"), "fieldtype": "Data", "width": 165},
		{"fieldname": "completed_at", "label": _("Completed On"), "fieldtype": "Datetime", "width": 160},
		{"fieldname": "error_message", "label": _("Error"), "fieldtype": "Data", "width": 220},
	]
