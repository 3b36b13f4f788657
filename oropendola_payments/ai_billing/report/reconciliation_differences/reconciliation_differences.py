"""Report: differences between gateways, invoices and refunds, and open reviews. Normally it is empty."""

from datetime import datetime, timedelta

import frappe
from frappe import _
from frappe.query_builder import DocType
from frappe.query_builder.functions import Abs, Coalesce, Sum
from frappe.utils import cint, escape_html, flt, get_datetime, now_datetime

from oropendola_payments.ai_billing import analytics, last_check
from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.formatting import moment, money

LIMIT = 500
ACTIONS = {
	"Review": "Open the invoice, decide, and press Finish review.",
	"Payment": "Refund it, or keep it as agreed with the customer.",
	"Sum": "Contact your developer. Do not change it manually.",
	"Refund": "Check the gateway's dashboard. The app keeps checking refunds that are Unknown.",
	"Pending": "Open the attempt and press Refresh status.",
}
TOLERANCE = 0.0000001
SUM_RULE, BATCH = "paid_amount_differs_from_captures", 500
# A transaction may commit a while after the time of its events.
OVERLAP = timedelta(minutes=30)


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict], str | None]:
	"""Return columns, rows with the oldest first, and a message."""
	gateway, kind = analytics.gateway_code((filters or {}).get("gateway")), (filters or {}).get("kind")
	found = {name: find(gateway or "") for name, find in SOURCES.items() if kind in (None, "", name)}
	labels = analytics.gateway_labels()
	rows = [
		{**row, "gateway": labels.get(row["gateway"], row["gateway"])}
		for rows in found.values()
		for row in rows[:LIMIT]
	]
	cut = [_(name) for name, rows in found.items() if len(rows) > LIMIT]
	messages = filter(None, (_sums_message(kind), _cut_message(cut)))
	return columns(), sorted(rows, key=lambda row: str(row["since"])), " ".join(messages) or None


def _cut_message(kinds: list[str]) -> str | None:
	if not kinds:
		return None
	text = _("Only the oldest {0} are listed of: {1}. More appear when these are resolved.")
	return text.format(LIMIT, ", ".join(kinds))


def _reviews(gateway: str) -> list[dict]:
	fields = ["name", "payment_gateway", "total_amount", "currency", "review_reason", "creation"]
	filters = {"needs_review": 1, **({"payment_gateway": gateway} if gateway else {})}
	rows = frappe.get_all("AI Invoice", filters, fields, order_by="creation", limit=LIMIT + 1)
	return [
		_difference(
			"Review", "AI Invoice", row.name, row.name, row.payment_gateway, row.review_reason, row.creation
		)
		| {"amount": flt(row.total_amount), "currency": row.currency}
		for row in rows
	]


def _unresolved_overpayments(gateway: str) -> list[dict]:
	"""Return overpayments that were neither refunded nor kept as credit."""
	capture = DocType("Payment Capture")
	left_over = capture.surplus - capture.amount_refunded - capture.credit_used
	query = frappe.qb.from_(capture).select(
		"name", "invoice", "gateway", "currency", "disposition", "captured_at"
	)
	query = query.select(left_over.as_("left_over")).where(left_over > TOLERANCE)
	query = query.where(capture.disposition.isin(("Duplicate", "Overpaid", "Mismatch")))
	query = query.where(Coalesce(capture.resolution, "") != "Credit")
	query = query.where(capture.gateway == gateway) if gateway else query
	rows = query.orderby(capture.captured_at).limit(LIMIT + 1).run(as_dict=True)
	text = {
		"Duplicate": _("The invoice was already paid."),
		"Overpaid": _("More was paid than the invoice amount."),
		"Mismatch": _("The payment does not match the invoice, so nothing was applied."),
	}
	return [
		_difference(
			"Payment",
			"Payment Capture",
			row.name,
			row.invoice,
			row.gateway,
			text[row.disposition],
			row.captured_at,
		)
		| {"amount": flt(row.left_over), "currency": row.currency}
		for row in rows
	]


def _sums(gateway: str) -> list[dict]:
	"""Return invoices whose paid amount differs from the sum of their payments, among those that may have one."""
	found: list[frappe._dict] = []
	names = sorted(
		{*last_check.violating(SUM_RULE), *last_check.changed_since("AI Invoice", _compared_until())}
	)
	for first in range(0, len(names), BATCH):
		found += _differing(names[first : first + BATCH])
	text = _("The invoice shows {0} as paid, but its payments add up to {1}.")
	return [
		_difference(
			"Sum",
			"AI Invoice",
			row.name,
			row.name,
			row.payment_gateway,
			text.format(money(row.amount_paid, row.currency), money(row.captured, row.currency)),
			row.creation,
		)
		| {"amount": flt(row.amount_paid) - flt(row.captured), "currency": row.currency}
		for row in sorted(found, key=lambda row: row.creation)
		if gateway in ("", row.payment_gateway)
	]


def _differing(names: list[str]) -> list[frappe._dict]:
	invoice, capture = DocType("AI Invoice"), DocType("Payment Capture")
	own = (invoice.name, invoice.payment_gateway, invoice.currency, invoice.creation, invoice.amount_paid)
	captured = Coalesce(Sum(capture.applied_amount), 0)
	query = frappe.qb.from_(invoice).left_join(capture).on(capture.invoice == invoice.name)
	query = query.select(*own, captured.as_("captured")).where(invoice.name.isin(names)).groupby(*own)
	return query.having(Abs(invoice.amount_paid - captured) > TOLERANCE).run(as_dict=True)


def _compared_until() -> datetime:
	"""Return the time of the last hourly check, and not more than a day ago, so that what is read now stays small."""
	checked, day_ago = last_check.last().checked_on, now_datetime() - timedelta(days=1)
	return max(get_datetime(checked) - OVERLAP, day_ago) if checked else day_ago


def _sums_message(kind: str | None) -> str | None:
	"""Return how far the sums of all invoices are known."""
	if kind not in (None, "", "Sum"):
		return None
	known = last_check.last()
	if not known.counted_on:
		return _(
			"Sum: invoices that changed in the last 24 hours are compared with their payments now, and all others by the next hourly check."
		)
	text = _("Sum: all invoices were compared with their payments on {0}, and those that changed later now.")
	message = text.format(moment(known.counted_on))
	if len(last_check.violating(SUM_RULE)) < last_check.MOST:
		return message
	return f"{message} {_('There are more than the check keeps. Please resolve these first.')}"


def _refunds(gateway: str) -> list[dict]:
	"""Return refunds whose outcome is unknown, and failed ones until as much of their payment is refunded again."""
	refund, again = DocType("Payment Refund"), DocType("Payment Refund").as_("again")
	fields = ("name", "invoice", "gateway", "amount", "currency", "status", "error_message", "creation")
	query = frappe.qb.from_(refund).left_join(again)
	query = query.on(
		(again.capture == refund.capture) & (again.creation > refund.creation) & (again.status != "Failed")
	)
	own = [refund[field] for field in fields]
	query = query.select(*own).where(refund.status.isin(("Unknown", "Failed"))).groupby(*own)
	is_missing = Coalesce(Sum(again.amount), 0) < refund.amount - TOLERANCE
	query = query.having((refund.status == "Unknown") | is_missing)
	query = query.where(refund.gateway == gateway) if gateway else query
	rows = query.orderby(refund.creation).limit(LIMIT + 1).run(as_dict=True)
	text = {
		"Unknown": _("It is not yet known whether this refund was made."),
		"Failed": _("The gateway did not make this refund."),
	}
	return [
		_difference(
			"Refund",
			"Payment Refund",
			row.name,
			row.invoice,
			row.gateway,
			f"{text[row.status]} {row.error_message or ''}".strip(),
			row.creation,
		)
		| {"amount": flt(row.amount), "currency": row.currency}
		for row in rows
	]


def _pending(gateway: str) -> list[dict]:
	hours = cint(payment_settings().alert_pending_hours) or 24
	filters = {
		"status": ("in", analytics.OPEN),
		"mode": ("!=", "Manual"),
		"initiated_at": ("<", now_datetime() - timedelta(hours=hours)),
		**({"gateway": gateway} if gateway else {}),
	}
	fields = ["name", "invoice", "gateway", "amount", "currency", "initiated_at"]
	rows = frappe.get_all("Payment Attempt", filters, fields, order_by="initiated_at", limit=LIMIT + 1)
	text = _("This payment has been open for more than {0} hours.").format(hours)
	return [
		_difference("Pending", "Payment Attempt", row.name, row.invoice, row.gateway, text, row.initiated_at)
		| {"amount": flt(row.amount), "currency": row.currency}
		for row in rows
	]


def _difference(
	kind: str,
	doctype: str,
	name: str,
	invoice: str,
	gateway: str | None,
	text: str | None,
	since: datetime | None,
) -> dict:
	return {
		"kind": kind,
		"record_type": doctype,
		"record": name,
		"invoice": invoice,
		"gateway": gateway,
		# The Desk renders cells as HTML, and this text may come from gateways and users.
		"difference": escape_html(text or ""),
		"action": _(ACTIONS[kind]),
		"since": since,
	}


SOURCES = {
	"Review": _reviews,
	"Payment": _unresolved_overpayments,
	"Sum": _sums,
	"Refund": _refunds,
	"Pending": _pending,
}


def columns() -> list[dict]:
	return [
		{"fieldname": "kind", "label": _("Kind"), "fieldtype": "Data", "width": 80},
		{"fieldname": "difference", "label": _("Issue"), "fieldtype": "Data", "width": 290},
		{"fieldname": "action", "label": _("Action"), "fieldtype": "Data", "width": 230},
		{
			"fieldname": "amount",
			"label": _("Amount"),
			"fieldtype": "Currency",
			"options": "currency",
			"width": 120,
		},
		{
			"fieldname": "invoice",
			"label": _("Invoice"),
			"fieldtype": "Link",
			"options": "AI Invoice",
			"width": 150,
		},
		{"fieldname": "gateway", "label": _("Gateway"), "fieldtype": "Data", "width": 100},
		{"fieldname": "currency", "label": _("Currency"), "fieldtype": "Data", "width": 90},
		{"fieldname": "record_type", "label": _("Record Type"), "fieldtype": "Data", "width": 140},
		{
			"fieldname": "record",
			"label": _("Record"),
			"fieldtype": "Dynamic Link",
			"options": "record_type",
			"width": 200,
		},
		{"fieldname": "since", "label": _("Since"), "fieldtype": "Datetime", "width": 160},
	]
