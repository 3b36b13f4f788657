"""Numbers for people: the same for alerts, number cards, charts and reports."""

from datetime import datetime, timedelta

import frappe
from frappe.utils import now_datetime

OPEN = ("Created", "Processing", "Authorized")
FINISHED = ("Paid", "Failed", "Expired", "Cancelled")
# A rate of fewer payments says nothing.
ENOUGH = 10


def outcomes(since: datetime) -> dict[str, dict[str, int]]:
	"""How many attempts that began since then ended how, by gateway. Payments by hand are left out."""
	rows = frappe.db.sql(
		"SELECT gateway, status, COUNT(*) FROM `tabPayment Attempt`"
		" WHERE initiated_at >= %s AND mode <> 'Manual' AND status IN %s GROUP BY gateway, status",
		(since, FINISHED),
	)
	counts: dict[str, dict[str, int]] = {}
	for gateway, status, count in rows:
		counts.setdefault(gateway, dict.fromkeys(FINISHED, 0))[status] = int(count)
	return counts


def total(counts: dict[str, dict[str, int]]) -> dict[str, int]:
	return {status: sum(row[status] for row in counts.values()) for status in FINISHED}


def percent(row: dict[str, int], status: str) -> float | None:
	"""The share of one outcome; None when too few payments ended to say anything."""
	ended = sum(row.values())
	return 100 * row[status] / ended if ended >= ENOUGH else None


def pending_longer_than(hours: float) -> list[dict]:
	"""Attempts whose fate is still unknown, with their gateway."""
	before = now_datetime() - timedelta(hours=hours)
	filters = {"status": ("in", OPEN), "initiated_at": ("<", before), "mode": ("!=", "Manual")}
	return frappe.get_all("Payment Attempt", filters, ["name", "gateway"], order_by="initiated_at, name", limit=500)


def gateway_labels() -> dict[str, str]:
	rows = frappe.get_all("Payment Gateway Settings", fields=["gateway", "label"])
	return {row.gateway: row.label for row in rows}
