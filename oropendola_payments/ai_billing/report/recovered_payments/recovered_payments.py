"""Report: reminders that were sent in a period, and the payments that followed, by cause, step and suggested gateway."""

from collections import defaultdict
from decimal import Decimal

from frappe import _
from frappe.utils import add_days, get_datetime, getdate

from oropendola_payments.ai_billing import analytics, recovery
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.recovery import Sent


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict], None, None]:
	"""Return columns, rows, message and chart. The default is the last 90 days."""
	chosen = filters or {}
	last = getdate(chosen.get("to_date") or today())
	first = getdate(chosen.get("from_date") or add_days(last, -90))
	reminders = recovery.sent_between(get_datetime(first), get_datetime(add_days(last, 1)))
	currency = chosen.get("currency")
	groups: dict[tuple, list[Sent]] = defaultdict(list)
	for sent in reminders:
		if not currency or sent.currency == currency:
			groups[sent.cause, sent.step, sent.gateway, sent.currency].append(sent)
	return columns(), [_row(key, group) for key, group in sorted(groups.items())], None, None


def _row(key: tuple, reminders: list[Sent]) -> dict:
	cause, step, gateway, currency = key
	paid = [sent.paid for sent in reminders if sent.paid is not None]
	return {
		"cause": cause,
		"step": step,
		"gateway": analytics.gateway_labels().get(gateway, gateway),
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
