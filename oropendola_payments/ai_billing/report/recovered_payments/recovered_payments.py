"""Report: reminders that were sent in a period, and the payments that followed, by cause, step and suggested gateway."""

from collections import defaultdict
from datetime import date
from decimal import Decimal

from frappe import _
from frappe.utils import add_days, get_datetime, getdate

from oropendola_payments.ai_billing import analytics, kept, recovery
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.recovery import Sent

NAME, READS = "Recovered Payments", "AI Payment Reminder"
KEPT = (NAME,)
USUAL_DAYS = 90


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict], str | None, None]:
	"""Return columns, rows, message and chart. The default is the last 90 days."""
	chosen = filters or {}
	period = _period(chosen)
	counted = kept.find(NAME, chosen) if period == _period({}) else None
	rows, labels = counted.rows if counted else _rows(*period), analytics.gateway_labels()
	shown = [
		{**row, "gateway": labels.get(row["gateway"], row["gateway"])}
		for row in rows
		if chosen.get("currency") in (None, "", row["currency"])
	]
	return columns(), shown, counted.note() if counted else None, None


def results() -> dict[str, list[dict]]:
	return {NAME: _rows(*_period({}))}


def _period(filters: dict) -> tuple[date, date]:
	last = getdate(filters.get("to_date") or today())
	return getdate(filters.get("from_date") or add_days(last, -USUAL_DAYS)), last


def _rows(first: date, last: date) -> list[dict]:
	groups: dict[tuple, list[Sent]] = defaultdict(list)
	for sent in recovery.sent_between(get_datetime(first), get_datetime(add_days(last, 1))):
		groups[sent.cause, sent.step, sent.gateway, sent.currency].append(sent)
	return [_row(key, group) for key, group in sorted(groups.items())]


def _row(key: tuple, reminders: list[Sent]) -> dict:
	cause, step, gateway, currency = key
	paid = [sent.paid for sent in reminders if sent.paid is not None]
	return {
		"cause": cause,
		"step": step,
		"gateway": gateway,
		"currency": currency,
		"sent": len(reminders),
		"paid": len(paid),
		"rate": round(100 * len(paid) / len(reminders), 1),
		"recovered": float(sum(paid, Decimal(0))),
		"hours": recovery.median_hours(reminders),
	}


def columns() -> list[dict]:
	return [
		{"fieldname": "cause", "label": _("Cause"), "fieldtype": "Data", "width": 90},
		{"fieldname": "step", "label": _("Step"), "fieldtype": "Int", "width": 70},
		{"fieldname": "gateway", "label": _("Suggested Gateway"), "fieldtype": "Data", "width": 150},
		{"fieldname": "currency", "label": _("Currency"), "fieldtype": "Data", "width": 92},
		{"fieldname": "sent", "label": _("Reminders Sent"), "fieldtype": "Int", "width": 130},
		{"fieldname": "paid", "label": _("Paid After It"), "fieldtype": "Int", "width": 110},
		{"fieldname": "rate", "label": _("Rate"), "fieldtype": "Percent", "width": 80},
		{
			"fieldname": "recovered",
			"label": _("Recovered"),
			"fieldtype": "Currency",
			"options": "currency",
			"width": 122,
		},
		{
			"fieldname": "hours",
			"label": _("Median Hours"),
			"fieldtype": "Float",
			"precision": "1",
			"width": 120,
		},
	]
