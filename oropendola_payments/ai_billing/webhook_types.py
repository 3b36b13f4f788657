"""The public types of webhook events, and which events of the audit trail become which. A published type is never renamed."""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

STATE_CHANGED = "customer.state_changed"
TEST = "webhook.test"

# Events of the audit trail, by their name.
AUDITED = {
	"money_captured": "payment.succeeded",
	"attempt_authorized": "payment.authorized",
	"attempt_failed": "payment.failed",
	"attempt_expired": "payment.expired",
	"attempt_cancelled": "payment.cancelled",
	"invoice_created": "invoice.created",
	"invoice_paid": "invoice.paid",
	"invoice_partly_paid": "invoice.partly_paid",
	"invoice_failed": "invoice.failed",
	"invoice_abandoned": "invoice.abandoned",
	"invoice_cancelled": "invoice.cancelled",
	"invoice_closed": "invoice.closed",
	"invoice_partly_refunded": "invoice.partly_refunded",
	"invoice_refunded": "invoice.refunded",
	"review_needed": "invoice.review_needed",
	"tax_invoice_issued": "tax_document.issued",
	"credit_note_issued": "tax_document.issued",
	"refund_opened": "refund.created",
	"refund_refunded": "refund.succeeded",
	"refund_failed": "refund.failed",
	"plan_changed": "subscription.plan_changed",
	"cancellation_scheduled": "subscription.cancellation_scheduled",
	"cancellation_undone": "subscription.cancellation_undone",
	"cancellation_withdrawn": "subscription.cancellation_undone",
	"api_key_created": "api_key.created",
	"api_key_replaced": "api_key.replaced",
	"api_key_revoked": "api_key.revoked",
	"usage_threshold_reached": "usage.threshold_reached",
}
RENEWED = ("subscription_served", "days_covered")
DISPUTE = "dispute_"
# The new status of a subscription. Resumed is the one that was paused.
SUBSCRIPTION = {
	"Trial": "subscription.trial_started",
	"Active": "subscription.activated",
	"Past Due": "subscription.past_due",
	"Paused": "subscription.paused",
	"Expired": "subscription.expired",
	"Cancelled": "subscription.cancelled",
}
STAFF_ONLY = ("dispute.changed", "invoice.review_needed")
TYPES = tuple(
	sorted(
		{
			*AUDITED.values(),
			*SUBSCRIPTION.values(),
			*("subscription.renewed", "subscription.resumed", "dispute.changed", STATE_CHANGED),
		}
	)
)
CUSTOMER_TYPES = tuple(name for name in TYPES if name not in STAFF_ONLY)

# What an event names of the records it is about, under the names that the API uses.
IDS = {
	"AI Invoice": "invoice_id",
	"AI Subscription": "subscription_id",
	"AI API Key": "key_id",
	"AI Plan Change": "plan_change",
	"AI Tax Document": "document",
	"Payment Attempt": "attempt",
	"Payment Capture": "capture",
	"Payment Refund": "refund",
}
AMOUNTS = ("amount", "applied", "total")
DETAILS = {
	"currency": "currency",
	"from_plan": "previous_plan",
	"to_plan": "plan",
	"plan": "plan",
	"period_start": "period_start",
	"period_end": "period_end",
	"end_date": "end_date",
	"subscription": "subscription_id",
	"old": "replaced_key_id",
	"until": "replaced_key_valid_until",
	"limit": "limit",
	"percent": "percent",
	"used": "used",
}


def type_of(event: str, before: str | None, after: str | None) -> str | None:
	"""Return the public type of an event of the audit trail; None if nobody outside needs it."""
	if event in RENEWED:
		return "subscription.renewed" if before == after else None
	if event.startswith(DISPUTE):
		return "dispute.changed"
	return AUDITED.get(event)


def subscription_type(before: str, after: str) -> str | None:
	if (before, after) == ("Paused", "Active"):
		return "subscription.resumed"
	return SUBSCRIPTION.get(after)


def facts(row: Mapping[str, Any], subscription: str | None = None) -> dict:
	"""Return what the public event says of an event of the audit trail: ids, states, dates, and amounts as text."""
	details = json.loads(row.get("details") or "{}")
	found = {
		"subscription_id": subscription,
		"invoice_id": row.get("invoice"),
		IDS.get(row.get("reference_doctype") or "", ""): row.get("reference_name"),
		"status": row.get("to_status"),
		"previous_status": row.get("from_status"),
		**{name: _exact(details[name]) for name in AMOUNTS if details.get(name) is not None},
		**{public: details.get(name) for name, public in DETAILS.items() if name in details},
	}
	return {name: value for name, value in found.items() if name and value is not None}


def _exact(amount: Any) -> str:
	"""Return an amount as text without a spare zero, whatever it was stored as."""
	number = Decimal(str(amount)).normalize()
	return format(number, "f")


def unknown(names: Iterable[str], allowed: Iterable[str]) -> list[str]:
	known = set(allowed)
	return [name for name in names if name not in known]
