"""Alert rules: find current problems, one finding for each kind and subject."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import cint, flt, get_datetime, get_url, now_datetime

from oropendola_payments.ai_billing import analytics
from oropendola_payments.ai_billing import overdue_parts as overdue
from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	enabled_in,
	is_protected,
)
from oropendola_payments.ai_billing.document_states import HELD
from oropendola_payments.ai_billing.known_gateways import not_loaded
from oropendola_payments.engine.gateway import live_guard
from oropendola_payments.engine.gateway.registry import SETTINGS
from oropendola_payments.engine.notifications import emails

WINDOW = timedelta(hours=24)
LATEST_DOCUMENT = timedelta(days=25)  # in India an invoice is due within 30 days
ALL = "All gateways"
SITE = "This site"
# The maximum of records that an alert remembers, so that it gets worse by another record, and not by those that move up.
# The queries return no more.
SHOWN = 500


@dataclass(frozen=True)
class Finding:
	"""A problem. It has become worse if `records` has a new one or `level` is much higher."""

	kind: str
	subject: str
	summary: str
	severity: str = "Warning"
	records: tuple[str, ...] = ()
	level: float = 0


def evaluate(violations: dict[str, list[str]] | None) -> tuple[list[Finding], set[str]]:
	"""Return the findings, and the kinds that were evaluated. Alerts of other kinds must stay open, because nothing is known of them.

	`violations` are violated invariants by rule; None if they were not checked this time.
	"""
	found: list[Finding] = []
	evaluated: set[str] = set()
	for finder, kinds in RULES.items():
		try:
			found += finder()
			evaluated.update(kinds)
		except Exception:
			frappe.db.rollback()
			frappe.log_error(title=f"Alerts: {finder.__name__} failed", message=frappe.get_traceback())
			frappe.db.commit()
	if violations is not None:
		found += invariant_violations(violations, {record for finding in found for record in finding.records})
		evaluated.add("Invariant Violation")
	return found, evaluated


def rates() -> Iterator[Finding]:
	settings = payment_settings()
	counts, everywhere = analytics.customer_outcomes(now_datetime() - WINDOW)
	labels = analytics.gateway_labels()
	rows = {labels.get(code, code): row for code, row in counts.items()} | {ALL: everywhere}
	for subject, row in rows.items():
		yield from _rate("Abandoned Rate", subject, row, "Expired", flt(settings.alert_abandoned_percent))
		yield from _rate("Failed Rate", subject, row, "Failed", flt(settings.alert_failed_percent))


def _rate(kind: str, subject: str, row: dict[str, int], status: str, limit: float) -> Iterator[Finding]:
	level = analytics.percent(row, status)
	if level is None or level <= limit:
		return
	sentence = {
		"Expired": _(
			"{0} of the {1} customers whose payments ended in the last 24 hours abandoned them ({2}%; the limit is {3}%)."
		),
		"Failed": _(
			"{0} of the {1} customers whose payments ended in the last 24 hours failed to pay ({2}%; the limit is {3}%)."
		),
	}[status]
	summary = sentence.format(row[status], sum(row.values()), round(level), f"{limit:g}")
	yield Finding(kind, subject, summary, level=round(level, 1))


def pending() -> Iterator[Finding]:
	hours = cint(payment_settings().alert_pending_hours)
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


def overdue_parts() -> Iterator[Finding]:
	rows = overdue.overdue_parts()
	if rows:
		text = _("Parts of invoices that are overdue: {0}. The report Overdue Parts shows whose they are.")
		yield Finding(
			"Overdue Parts",
			SITE,
			text.format(len(rows)),
			records=tuple({row.invoice: None for row in rows[:SHOWN]}),
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
	columns = ["label", "last_error", "keys_refused", "degraded_since"]
	for row in frappe.get_all(SETTINGS, {"enabled": 1}, columns):
		if not row.degraded_since:
			continue
		if row.keys_refused:
			text = _("{0} rejects our keys. Please check them in Payment Gateway Settings. Last error: {1}")
			yield Finding("Keys Refused", row.label, text.format(row.label, row.last_error or ""), "Critical")
		else:
			text = _(
				"{0} keeps failing and is not recommended to customers until it works again. Last error: {1}"
			)
			yield Finding("Gateway Degraded", row.label, text.format(row.label, row.last_error or ""))


def documents_on_hold() -> Iterator[Finding]:
	"""Yield the invoices whose tax document waits for something, or whose credit note cannot stand as it is."""
	fields = ["name", "document_state", "document_problem", "paid_date"]
	rows = frappe.get_all("AI Invoice", {"document_state": HELD}, fields, order_by="paid_date", limit=500)
	if not rows:
		return
	is_late = rows[0].paid_date and get_datetime(rows[0].paid_date) < now_datetime() - LATEST_DOCUMENT
	text = _(
		"Tax documents that wait for something: {0}. Please open the invoices; each says what is missing."
	)
	severity = "Critical" if is_late else "Warning"
	names = tuple(row.name for row in rows[:SHOWN])
	yield Finding("Documents On Hold", SITE, text.format(len(rows)), severity, names)


def postings() -> Iterator[Finding]:
	"""Yield what ERPNext or another app could not take, so that somebody has to look."""
	names = frappe.get_all(
		"Payment Posting", {"status": "Needs Attention"}, pluck="name", order_by="creation, name"
	)
	if names:
		text = _(
			"Postings to other apps that need attention: {0}. Please open them; each says what to do. Then post them again, or close them."
		)
		yield Finding("Postings", SITE, text.format(len(names)), "Critical", tuple(names[:SHOWN]))


def payouts() -> Iterator[Finding]:
	"""Yield the gateways whose payouts differ from our records, or cannot be fetched."""
	fields = ["name", "gateway"]
	rows = frappe.get_all(
		"Payment Payout Difference", {"status": "Open"}, fields, order_by="opened_on, name", limit=500
	)
	by_gateway: dict[str, list[str]] = {}
	for row in rows:
		by_gateway.setdefault(row.gateway, []).append(row.name)
	for gateway, names in by_gateway.items():
		text = _(
			"Differences between payouts and our records: {0}. Please open them; docs/payouts.md says what each means."
		)
		yield Finding(
			"Payout Differences", _label(gateway), text.format(len(names)), records=tuple(names[:SHOWN])
		)
	filters = {"enabled": 1, "fetch_payouts": 1, "payout_error": ("is", "set")}
	for row in frappe.get_all(SETTINGS, filters, ["label", "payout_error"]):
		text = _("The payouts of {0} could not be fetched. Last error: {1}")
		yield Finding("Payouts Not Fetched", row.label, text.format(row.label, row.payout_error))


def setup() -> Iterator[Finding]:
	"""Yield problems of how the site is set up. `health.status` shows them as well, without waiting for an alert."""
	live, simulated = enabled_in("Live"), enabled_in("Simulator")
	if live and simulated:
		text = _(
			"Real payments are accepted through {0}, but these gateways are in Simulator mode: {1}. Please disable them or set them to Live. Until then, customers cannot choose them."
		)
		yield Finding(
			"Simulator Beside Live", SITE, text.format(_listed(live), _listed(simulated)), "Critical"
		)
	if live and not is_protected():
		text = _(
			"Real payments are accepted through {0}, but the address of this site is {1}, so returns and webhooks are not encrypted. Please set up https and set host_name in the site's configuration."
		)
		yield Finding("Live Without HTTPS", SITE, text.format(_listed(live), get_url()), "Critical")
	if live and not live_guard.is_confirmed():
		text = _(
			"{0} cannot work, because nobody confirmed this site for live payments: {1}. Payments, status checks, refunds and messages are refused. If this is the real site, please press Confirm this site for live payments in Payment Settings. If it is a copy, set its gateways to Test."
		)
		yield Finding(
			"Site Not Confirmed", SITE, text.format(_listed(live), live_guard.this_site()), "Critical"
		)
	if unreadable := _with_unreadable_keys():
		text = _(
			"The stored keys of {0} cannot be decrypted, because the site has another encryption_key in its site_config.json than before. Please restore it from the backup, or enter the keys again. Until then no payment through them is taken, checked or refunded."
		)
		yield Finding("Keys Unreadable", SITE, text.format(_listed(unreadable)), "Critical")
	for path, problem in not_loaded().items():
		text = _(
			"The gateway {0} of another app cannot be loaded: {1}. Until its app is repaired, its payments are neither taken nor checked."
		)
		yield Finding("Gateway Not Loaded", path, text.format(path, problem), "Critical")
	if emails.any_is_enabled() and not emails.can_be_sent():
		text = _(
			"This site has no outgoing Email Account, so customers and managers get no emails. Please set one up, or turn the emails off in Payment Settings."
		)
		yield Finding("No Outgoing Mail", SITE, text)


def _with_unreadable_keys() -> list[str]:
	names = frappe.get_all(SETTINGS, {"mode": ("!=", "Simulator")}, pluck="name")
	return [doc.label for name in names if (doc := frappe.get_doc(SETTINGS, name)).has_unreadable_secrets()]


def _listed(labels: list[str]) -> str:
	return ", ".join(labels)


def invariant_violations(violations: dict[str, list[str]], already_listed: set[str]) -> list[Finding]:
	"""Return one finding for each invariant, without records that another finding already lists."""
	text = _(
		"Records that violate the invariant “{1}”: {0}. Please open them; docs/operations.md explains each invariant."
	)
	rows = {
		rule: [name for name in names if name not in already_listed] for rule, names in violations.items()
	}
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
	overdue_parts: ("Overdue Parts",),
	gateways: ("Gateway Degraded", "Keys Refused"),
	documents_on_hold: ("Documents On Hold",),
	postings: ("Postings",),
	payouts: ("Payout Differences", "Payouts Not Fetched"),
	setup: (
		*("Simulator Beside Live", "Live Without HTTPS", "Site Not Confirmed", "Gateway Not Loaded"),
		"Keys Unreadable",
		"No Outgoing Mail",
	),
}
