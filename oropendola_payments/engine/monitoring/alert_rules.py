"""What is wrong right now and needs a person: one finding to a kind and subject."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import cint, flt, now_datetime

from oropendola_payments.ai_billing import analytics

WINDOW = timedelta(hours=24)
ALL = "All gateways"
# The records that an alert names; more would not help anybody.
SHOWN = 50


@dataclass(frozen=True)
class Finding:
	"""`records` and `level` tell whether it got worse: another record, or a much higher level."""

	kind: str
	subject: str
	summary: str
	severity: str = "Warning"
	records: tuple[str, ...] = ()
	level: float = 0


def evaluate(broken: dict[str, list[str]] | None) -> tuple[list[Finding], set[str]]:
	"""The findings, and the kinds that were really looked at: of the others nothing is known, so nothing is over.

	`broken` are violated invariants by rule; None says that they were not checked this time.
	"""
	found: list[Finding] = []
	looked_at: set[str] = set()
	for finder, kinds in RULES.items():
		try:
			found += finder()
			looked_at.update(kinds)
		except Exception:
			frappe.db.rollback()
			frappe.log_error(title=f"Alerts: {finder.__name__} failed", message=frappe.get_traceback())
			frappe.db.commit()
	if broken is not None:
		found += invariant_violations(broken, {record for finding in found for record in finding.records})
		looked_at.add("Invariant Violation")
	return found, looked_at


def rates() -> Iterator[Finding]:
	settings = frappe.get_cached_doc("Payment Settings")
	counts, labels = analytics.outcomes(now_datetime() - WINDOW), analytics.gateway_labels()
	rows = {labels.get(code, code): row for code, row in counts.items()} | {ALL: analytics.total(counts)}
	for subject, row in rows.items():
		yield from _rate("Abandoned Rate", subject, row, "Expired", flt(settings.alert_abandoned_percent))
		yield from _rate("Failed Rate", subject, row, "Failed", flt(settings.alert_failed_percent))


def _rate(kind: str, subject: str, row: dict[str, int], status: str, limit: float) -> Iterator[Finding]:
	level = analytics.percent(row, status)
	if level is None or level <= limit:
		return
	sentence = {
		"Expired": _(
			"{0} of the {1} payments that ended in the last 24 hours were abandoned ({2}%; the limit is {3}%)."
		),
		"Failed": _(
			"{0} of the {1} payments that ended in the last 24 hours failed ({2}%; the limit is {3}%)."
		),
	}[status]
	summary = sentence.format(row[status], sum(row.values()), round(level), f"{limit:g}")
	yield Finding(kind, subject, summary, level=round(level, 1))


def pending() -> Iterator[Finding]:
	hours = cint(frappe.get_cached_doc("Payment Settings").alert_pending_hours)
	if not hours:
		return
	by_gateway: dict[str, list[str]] = {}
	for row in analytics.pending_longer_than(hours):
		by_gateway.setdefault(row.gateway, []).append(row.name)
	for gateway, names in by_gateway.items():
		text = _("Payments open for more than {1} hours: {0}. Please open them and refresh their status.")
		yield Finding(
			"Pending Too Long", _label(gateway), text.format(len(names), hours), records=tuple(names[:SHOWN])
		)


def dead_letters() -> Iterator[Finding]:
	rows = frappe.get_all(
		"Payment Webhook Log", {"status": "Dead"}, ["name", "gateway"], order_by="creation, name", limit=500
	)
	by_gateway: dict[str, list[str]] = {}
	for row in rows:
		by_gateway.setdefault(row.gateway, []).append(row.name)
	for gateway, names in by_gateway.items():
		text = _(
			"Messages that could not be processed: {0}. Please read their errors, fix the cause, then replay them."
		)
		yield Finding(
			"Dead Letters", _label(gateway), text.format(len(names)), "Critical", tuple(names[:SHOWN])
		)


def gateways() -> Iterator[Finding]:
	filters = {"enabled": 1, "degraded_since": ("is", "set")}
	for row in frappe.get_all("Payment Gateway Settings", filters, ["label", "last_error", "keys_refused"]):
		if row.keys_refused:
			text = _("{0} rejects our keys. Please check them in Payment Gateway Settings. Last error: {1}")
			yield Finding("Keys Refused", row.label, text.format(row.label, row.last_error or ""), "Critical")
		else:
			text = _(
				"{0} keeps failing and is not recommended to customers until it works again. Last error: {1}"
			)
			yield Finding("Gateway Degraded", row.label, text.format(row.label, row.last_error or ""))


def invariant_violations(broken: dict[str, list[str]], told: set[str]) -> list[Finding]:
	"""One finding to a rule, without the records that another finding names already."""
	text = _(
		"Records that violate the invariant “{1}”: {0}. Please open them; docs/operations.md explains each invariant."
	)
	rows = {rule: [name for name in names if name not in told] for rule, names in broken.items()}
	return [
		Finding("Invariant Violation", rule, text.format(len(names), rule), "Critical", tuple(names[:SHOWN]))
		for rule, names in rows.items()
		if names
	]


def _label(code: str) -> str:
	return analytics.gateway_labels().get(code, code)


RULES = {
	rates: ("Abandoned Rate", "Failed Rate"),
	pending: ("Pending Too Long",),
	dead_letters: ("Dead Letters",),
	gateways: ("Gateway Degraded", "Keys Refused"),
}
