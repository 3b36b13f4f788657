"""Report: how often each coupon was redeemed, what it took off paid invoices, and what these brought in."""

import frappe
from frappe import _
from frappe.query_builder import DocType
from frappe.query_builder.functions import Count, Sum

from oropendola_payments.ai_billing.doctype.ai_coupon_redemption.ai_coupon_redemption import TRANSITIONS
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict]]:
	"""Return columns and rows: one for each coupon and currency of its paid invoices, renewals included."""
	filters = filters or {}
	counts, sums = _redemptions(filters.get("coupon")), _invoices(filters)
	used = {row.coupon for row in sums}
	unpaid = [
		frappe._dict(coupon=name) for name in counts if name not in used and not filters.get("currency")
	]
	rows = sorted([*sums, *unpaid], key=lambda row: (row.coupon or "", row.currency or ""))
	return columns(), [{**row, **counts.get(row.coupon, _none())} for row in rows]


def _none() -> dict[str, int]:
	return {frappe.scrub(name): 0 for name in TRANSITIONS}


def _redemptions(coupon: str | None) -> dict[str, dict[str, int]]:
	"""Return the number of redemptions by coupon and status. A coupon that nobody redeemed has a row too."""
	table = DocType("AI Coupon Redemption")
	query = frappe.qb.from_(table).select(table.coupon, table.status, Count("*"))
	query = query.groupby(table.coupon, table.status)
	names = [coupon] if coupon else frappe.get_all("AI Coupon", pluck="name")
	counts = {name: _none() for name in names}
	for name, state, count in (query.where(table.coupon == coupon) if coupon else query).run():
		counts.setdefault(name, _none())[frappe.scrub(state)] = int(count)
	return counts


def _invoices(filters: dict) -> list[frappe._dict]:
	invoice = DocType("AI Invoice")
	query = frappe.qb.from_(invoice).where(invoice.coupon.isnotnull()).where(invoice.coupon != "")
	query = query.where(invoice.status.isin(SETTLED)).groupby(invoice.coupon, invoice.currency)
	for name in ("coupon", "currency"):
		if filters.get(name):
			query = query.where(invoice[name] == filters[name])
	query = query.select(invoice.coupon, invoice.currency, Count("*").as_("invoices"))
	query = query.select(Sum(invoice.discount_amount).as_("discount"), Sum(invoice.net_amount).as_("net"))
	return query.run(as_dict=True)


def columns() -> list[dict]:
	money = {"fieldtype": "Currency", "options": "currency", "width": 140}
	return [
		{
			"fieldname": "coupon",
			"label": _("Coupon"),
			"fieldtype": "Link",
			"options": "AI Coupon",
			"width": 170,
		},
		{"fieldname": "used", "label": _("Paid Redemptions"), "fieldtype": "Int", "width": 140},
		{"fieldname": "reserved", "label": _("Waiting for Payment"), "fieldtype": "Int", "width": 150},
		{"fieldname": "released", "label": _("Released"), "fieldtype": "Int", "width": 100},
		{"fieldname": "invoices", "label": _("Paid Invoices"), "fieldtype": "Int", "width": 120},
		{"fieldname": "currency", "label": _("Currency"), "fieldtype": "Data", "width": 90},
		{"fieldname": "discount", "label": _("Discount"), **money},
		{"fieldname": "net", "label": _("Net Revenue"), **money},
	]
