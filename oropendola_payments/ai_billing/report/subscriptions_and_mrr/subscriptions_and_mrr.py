"""Report: subscriptions by plan and status, and their monthly recurring revenue before tax."""

from collections import Counter
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.query_builder import Case, DocType
from frappe.query_builder.functions import Coalesce, Count, Max
from pypika.functions import NullIf

from oropendola_payments.ai_billing import kept, mrr
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import TRANSITIONS

NAME, READS = "Subscriptions and MRR", "AI Subscription"
KEPT = (NAME,)


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
			row["mrr"] += mrr.monthly(found.price or 0, found) * int(found.number)
	return [{**row, "mrr": float(row["mrr"])} for _key, row in sorted(rows.items())]


def _subscriptions(filters: dict) -> list:
	"""Return the number of subscriptions by the price of their last invoice, or the plan's price if they have none.

	Where a change of plan was applied since, it is the price that this left.
	"""
	subscription, plan, invoice = DocType("AI Subscription"), DocType("AI Plan"), DocType("AI Invoice")
	changed = _prices_after_changes()
	currency = Coalesce(invoice.currency, plan.currency)
	values = {
		"price": Coalesce(changed.price, invoice.net_amount, plan.price),
		"billing_interval": Coalesce(NullIf(invoice.billing_interval, ""), plan.billing_interval),
		"interval_count": Coalesce(NullIf(invoice.interval_count, 0), plan.interval_count),
		"currency": currency,
	}
	query = frappe.qb.from_(subscription).join(plan).on(plan.name == subscription.plan)
	query = query.left_join(invoice).on(invoice.name == subscription.current_invoice)
	query = query.left_join(changed).on(changed.period_invoice == invoice.name)
	group = (subscription.plan, subscription.status, plan.plan_name)
	named = [value.as_(name) for name, value in values.items()]
	query = query.select(*group, *named, Count("*").as_("number")).groupby(*group, *values.values())
	if filters.get("plan"):
		query = query.where(subscription.plan == filters["plan"])
	if filters.get("currency"):
		query = query.where(currency == filters["currency"])
	return query.run(as_dict=True)


def _prices_after_changes() -> Any:
	"""Return a subquery with what the last applied change of plan made of the price of each period."""
	change, line = DocType("AI Plan Change"), DocType("AI Plan Change Line")
	applied = (
		frappe.qb.from_(line).join(change).on((change.name == line.parent) & (change.status == "Applied"))
	)
	last = applied.select(line.period_invoice, Max(change.applied_on).as_("applied_on"))
	last = last.groupby(line.period_invoice)
	query = applied.join(last).on(
		(last.period_invoice == line.period_invoice) & (last.applied_on == change.applied_on)
	)
	price = Case().when(line.plan_after.isnull(), 0).else_(line.full_after)
	return query.select(line.period_invoice, price.as_("price"))


def _new_row(found: frappe._dict) -> dict:
	counts = {frappe.scrub(status): 0 for status in TRANSITIONS}
	return {
		"plan": found.plan,
		"plan_name": found.plan_name,
		"currency": found.currency,
		**counts,
		"mrr": Decimal(0),
	}


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
