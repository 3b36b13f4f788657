"""Report: subscriptions by plan and status, and their monthly recurring revenue before tax."""

from collections import Counter
from decimal import Decimal

import frappe
from frappe import _
from frappe.query_builder import DocType
from frappe.query_builder.functions import Coalesce, Count

from oropendola_payments.ai_billing import kept
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import TRANSITIONS

NAME, READS = "Subscriptions and MRR", "AI Subscription"
KEPT = (NAME,)
# The number of each interval in a month.
INTERVALS_PER_MONTH = {"Day": Decimal(365) / 12, "Month": Decimal(1), "Year": Decimal(1) / 12}


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict], str | None, dict | None]:
	"""Return columns, rows, message and chart."""
	filters = filters or {}
	counted = kept.find(NAME, filters)
	data = _only(counted.rows, filters) if counted else _rows(filters)
	return columns(), data, counted.note() if counted else None, _chart(data)


def results() -> dict[str, list[dict]]:
	return {NAME: _rows({})}


def _only(rows: list[dict], filters: dict) -> list[dict]:
	wanted = {name: filters[name] for name in ("plan", "currency") if filters.get(name)}
	return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def _rows(filters: dict) -> list[dict]:
	rows: dict[tuple, dict] = {}
	for found in _subscriptions(filters):
		row = rows.setdefault((found.plan, found.currency), _new_row(found))
		row[frappe.scrub(found.status)] += int(found.number)
		if found.status == "Active":
			row["mrr"] += _monthly(found) * int(found.number)
	return [{**row, "mrr": float(row["mrr"].quantize(Decimal("0.01")))} for _key, row in sorted(rows.items())]


def _subscriptions(filters: dict) -> list:
	"""Return the number of subscriptions by the price of their last invoice, or the plan's price if they have none."""
	subscription, plan, invoice = DocType("AI Subscription"), DocType("AI Plan"), DocType("AI Invoice")
	currency, price = Coalesce(invoice.currency, plan.currency), Coalesce(invoice.net_amount, plan.price)
	query = frappe.qb.from_(subscription).join(plan).on(plan.name == subscription.plan)
	query = query.left_join(invoice).on(invoice.name == subscription.current_invoice)
	group = (
		subscription.plan,
		subscription.status,
		plan.plan_name,
		plan.billing_interval,
		plan.interval_count,
	)
	query = query.select(*group, currency.as_("currency"), price.as_("price"), Count("*").as_("number"))
	query = query.groupby(*group, currency, price)
	if filters.get("plan"):
		query = query.where(subscription.plan == filters["plan"])
	if filters.get("currency"):
		query = query.where(currency == filters["currency"])
	return query.run(as_dict=True)


def _new_row(found: frappe._dict) -> dict:
	counts = {frappe.scrub(status): 0 for status in TRANSITIONS}
	return {
		"plan": found.plan,
		"plan_name": found.plan_name,
		"currency": found.currency,
		**counts,
		"mrr": Decimal(0),
	}


def _monthly(found: frappe._dict) -> Decimal:
	return (
		Decimal(str(found.price or 0))
		* INTERVALS_PER_MONTH[found.billing_interval]
		/ max(1, int(found.interval_count or 1))
	)


def columns() -> list[dict]:
	statuses = [
		{"fieldname": frappe.scrub(status), "label": _(status), "fieldtype": "Int", "width": 96}
		for status in TRANSITIONS
	]
	return [
		{"fieldname": "plan", "label": _("Plan"), "fieldtype": "Link", "options": "AI Plan", "width": 160},
		{"fieldname": "plan_name", "label": _("Plan Name"), "fieldtype": "Data", "width": 140},
		{"fieldname": "currency", "label": _("Currency"), "fieldtype": "Data", "width": 90},
		*statuses,
		{
			"fieldname": "mrr",
			"label": _("Monthly Revenue"),
			"fieldtype": "Currency",
			"options": "currency",
			"width": 150,
		},
	]


def _chart(rows: list[dict]) -> dict | None:
	"""Return a chart in the currency of most subscriptions, because amounts of different currencies cannot be compared."""
	paying = [row for row in rows if row["mrr"]]
	if not paying:
		return None
	active: Counter[str] = Counter()
	for row in paying:
		active[row["currency"]] += row["active"]
	currency = max(active, key=active.__getitem__)
	shown = [row for row in paying if row["currency"] == currency]
	labels = [f"{row['plan_name']} {row['currency']}" for row in shown]
	values = [{"name": _("Monthly Revenue"), "values": [row["mrr"] for row in shown]}]
	return {"data": {"labels": labels, "datasets": values}, "type": "bar"}
