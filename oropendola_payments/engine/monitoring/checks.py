"""Checks of the invariants: of all records once a day, and every hour of those that changed. Health and metrics read what was found.

A check of all records reads every invoice, which takes minutes on a large site. What changes an invoice, its payments or its
subscription also leaves an event in the audit trail, so these events tell which records the hourly check has to look at.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import frappe
from frappe.query_builder.functions import Count
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.last_check import KEY, changed_since, last
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.engine.monitoring.invariants import LIMIT, RULES, values_of_rules

BATCH = 500
# Some rules look at what is an hour old, and a transaction may commit a while after the time of its events.
OVERLAP = timedelta(hours=2)

# Whose queries would read a large table. They are asked about changed records of this kind only.
SUBJECTS = {
	"AI Invoice": (
		*("paid_without_service", "period_before_payment", "paid_amount_differs_from_captures"),
		*("paid_with_less_than_the_total", "total_differs_from_net_and_tax", "tax_lines_differ"),
		*("coupon_and_invoice_disagree", "discount_differs_from_coupon", "parts_differ_from_total"),
		*("parts_differ_from_payments", "covered_beyond_payment", "document_of_invoice_is_missing"),
		*("top_up_without_credits", "kept_credit_is_missing"),
	),
	"AI Subscription": (
		*("service_without_money", "quota_without_service", "paused_without_dates"),
		*("several_default_subscriptions", "trial_without_claim", "served_beyond_covered_days"),
		"more_keys_than_allowed",
	),
	"Payment Capture": ("refunds_above_capture", "refund_balance_differs", "payment_not_posted"),
	"Payment Attempt": (
		*("paid_attempt_without_capture", "payment_through_a_foreign_link", "payment_through_an_ended_link"),
	),
	"AI API Key": ("key_without_service",),
}
BY_RECORD = {rule: doctype for doctype, rules in SUBJECTS.items() for rule in rules}
# Only in the check of all records: they compare whole series or whole days.
DAILY = (
	*("coupon_count_differs", "changed_without_payment", "reminded_after_payment"),
	*("two_documents_for_one_payment", "document_numbers_have_a_gap", "document_dates_fall"),
	*("document_lines_differ_from_total", "credit_notes_above_document"),
	*("payout_lines_differ_from_amount", "payout_sums_differ_from_lines", "payout_line_without_fate"),
	*("usage_sums_differ", "usage_without_sum", "usage_above_its_window"),
	*("credits_differ_from_ledger", "credits_out_of_bounds", "credits_without_payment"),
	*("refunded_credits_left", "day_differs_from_records"),
)
COLUMN = re.compile(r"SELECT (?:\w+\.)?(\w+)")

Violations = dict[str, list[str]]

COUNTED = {
	"invoices": "AI Invoice",
	"attempts": "Payment Attempt",
	"refunds": "Payment Refund",
	"webhooks": "Payment Webhook Log",
	"subscriptions": "AI Subscription",
	"webhook_events": "AI Webhook Event",
	"webhook_deliveries": "AI Webhook Delivery",
	"webhook_endpoints": "AI Webhook Endpoint",
}
# Few records are in these states, so they are counted when they are asked for.
OPEN_STATES = {
	"invoices": ("Pending", "Processing", "Partly Paid"),
	"attempts": ("Created", "Processing", "Authorized"),
	"refunds": ("Created", "Processing", "Unknown"),
	"webhooks": ("Received", "Failed", "Dead"),
	"subscriptions": ("Trial", "Past Due", "Paused"),
	"webhook_events": ("Waiting",),
	"webhook_deliveries": ("Waiting",),
	"webhook_endpoints": ("Active", "Disabled"),
}


# What was found -----------------------------------------------------------------------------------


def forget() -> None:
	"""Let the next check look at all records."""
	frappe.cache.delete_value(KEY)


def _remember(violations: Violations, **values: object) -> Violations:
	known = {**last(), "violations": violations, "checked_on": str(now_datetime()), **values}
	frappe.cache.set_value(KEY, known)
	return violations


def check_all() -> Violations:
	"""Check every record and count them by status. Return the violated invariants."""
	began = str(now_datetime())
	counts = {metric: _count(doctype) for metric, doctype in COUNTED.items()}
	return _remember(invariants.check(), counts=counts, counted_on=began)


def counts_by_status() -> dict[str, dict[str, int]]:
	"""Return how many records have each status: open ones as of now, finished ones as of the last check of all records."""
	known = last().get("counts") or {}
	return {
		metric: {**known.get(metric, {}), **_count(doctype, OPEN_STATES[metric])}
		for metric, doctype in COUNTED.items()
	}


def _count(doctype: str, statuses: tuple[str, ...] = ()) -> dict[str, int]:
	status = frappe.qb.DocType(doctype).status
	query = frappe.qb.from_(doctype).select(status, Count("*")).groupby(status)
	if statuses:
		query = query.where(status.isin(statuses))
	return {**dict.fromkeys(statuses, 0), **{value: int(count) for value, count in query.run()}}


# What changed -------------------------------------------------------------------------------------


def check_changed() -> Violations:
	"""Check what changed since the last check, and what was violated then. Return all violated invariants that are known."""
	known = last()
	if not known.checked_on:
		return check_all()
	found = invariants.check(tuple(rule for rule in RULES if rule not in BY_RECORD and rule not in DAILY))
	for rule, names in known.violations.items():
		if rule in BY_RECORD or rule in DAILY:
			_add(found, rule, names)
	for changed in _changed(get_datetime(known.checked_on) - OVERLAP):
		for rule, doctype in BY_RECORD.items():
			_add(found, rule, changed[doctype])
	return _remember(found)


def _add(found: Violations, rule: str, names: Iterable[str]) -> None:
	"""Add those of these records that violate the rule."""
	names = tuple(names)
	if not names:
		return
	column = COLUMN.search(RULES[rule])[1]  # type: ignore[index]  # each rule begins with it
	query = (
		f"SELECT * FROM ({RULES[rule]}) found WHERE found.`{column}` IN %(names)s ORDER BY 1 LIMIT {LIMIT}"  # noqa: S608
	)
	rows = frappe.db.sql(query, {**values_of_rules(), "names": names})
	if rows:
		found[rule] = sorted({*found.get(rule, []), *(row[0] for row in rows)})[:LIMIT]


def _changed(since: datetime) -> Iterator[dict[str, list[str]]]:
	"""Yield batches of records that something happened to, by DocType."""
	own = changed_since("AI Subscription", since)
	for first in range(0, len(own), BATCH):
		yield _with_others([], own[first : first + BATCH])
	invoices = changed_since("AI Invoice", since)
	for first in range(0, len(invoices), BATCH):
		part = invoices[first : first + BATCH]
		subscriptions = frappe.get_all(
			"AI Invoice", {"name": ("in", part)}, pluck="subscription", distinct=True
		)
		yield _with_others(part, [name for name in subscriptions if name])


def _with_others(invoices: list[str], subscriptions: list[str]) -> dict[str, list[str]]:
	def those(doctype: str, field: str, names: list[str]) -> list[str]:
		return frappe.get_all(doctype, {field: ("in", names)}, pluck="name") if names else []

	return {
		"AI Invoice": invoices,
		"AI Subscription": subscriptions,
		"Payment Capture": those("Payment Capture", "invoice", invoices),
		"Payment Attempt": those("Payment Attempt", "invoice", invoices),
		"AI API Key": those("AI API Key", "subscription", subscriptions),
	}
