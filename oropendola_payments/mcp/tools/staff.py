"""What staff may look at: payments, failed messages, differences, alerts. Nothing here changes anything."""

from html import unescape

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import TRANSITIONS
from oropendola_payments.ai_billing.report.reconciliation_differences import reconciliation_differences
from oropendola_payments.engine.core.redaction import redact_text
from oropendola_payments.engine.monitoring import alerts
from oropendola_payments.mcp.tools import schema as s
from oropendola_payments.mcp.tools.plain import untrusted
from oropendola_payments.mcp.tools.tool import STAFF, Caller, Tool

PAYMENT = [
	"name", "invoice", "user", "gateway", "mode", "status", "amount", "currency", "payment_method", "initiated_at",
	"completed_at", "error_message",
]  # fmt: skip
MESSAGE = ["name", "gateway", "event_type", "status", "attempts", "next_attempt_at", "creation", "error"]
MOST = 50
LIMIT = {"limit": s.whole("How many.", 1, MOST)}
ROWS = s.several({"type": "object"})


def list_payments(
	caller: Caller,
	status: str | None = None,
	customer: str | None = None,
	invoice_id: str | None = None,
	days: int = 7,
	limit: int = 20,
) -> dict:
	asked = {"status": status, "user": customer, "invoice": invoice_id}
	filters: dict = {name: value for name, value in asked.items() if value}
	filters["initiated_at"] = (">", add_to_date(now_datetime(), days=-days))
	rows = frappe.get_all("Payment Attempt", filters, PAYMENT, order_by="initiated_at desc", limit=limit)
	return {"payments": [{**row, "error_message": _quoted(row.error_message)} for row in rows]}


def list_failed_messages(caller: Caller, limit: int = 20) -> dict:
	filters = {"status": ("in", ("Failed", "Dead"))}
	rows = frappe.get_all("Payment Webhook Log", filters, MESSAGE, order_by="creation desc", limit=limit)
	return {"messages": [{**row, "error": _quoted(row.error)} for row in rows]}


def list_differences(caller: Caller, limit: int = 20) -> dict:
	_columns, rows, note = reconciliation_differences.execute()
	found = [_difference(row) for row in rows[:limit]]
	return {"differences": found, "total": len(rows), "note": note or ""}


def _difference(row: dict) -> dict:
	return {**row, "difference": _quoted(unescape(row["difference"]))}


def list_alerts(caller: Caller) -> dict:
	return {"alerts": [{**row, "summary": _quoted(row.summary)} for row in alerts.open_alerts()]}


def _quoted(text: str | None) -> dict | None:
	"""Return text from outside without what identifies people or unlocks something."""
	return untrusted(redact_text(text)) if text else None


TOOLS = (
	Tool(
		name="list_payments",
		title="List payments",
		description="Payments of all customers, the newest first.",
		run=list_payments,
		arguments=s.argument_schema(
			optional={
				"status": s.choice("Only in this status.", *TRANSITIONS),
				"customer": s.text("Only of this user."),
				"invoice_id": s.text("Only for this invoice."),
				"days": s.whole("How far back.", 1, 400),
				**LIMIT,
			}
		),
		answer=s.answer_schema(payments=ROWS),
		audience=STAFF,
	),
	Tool(
		name="list_failed_messages",
		title="List failed messages",
		description="Messages of gateways that could not be processed. Dead ones are not tried again by themselves.",
		run=list_failed_messages,
		arguments=s.argument_schema(optional=LIMIT),
		answer=s.answer_schema(messages=ROWS),
		audience=STAFF,
	),
	Tool(
		name="list_differences",
		title="List differences",
		description="Differences between gateways, invoices and refunds, and open reviews. Normally there are none.",
		run=list_differences,
		arguments=s.argument_schema(optional=LIMIT),
		answer=s.answer_schema(differences=ROWS, total={"type": "integer"}, note={"type": "string"}),
		audience=STAFF,
	),
	Tool(
		name="list_alerts",
		title="List alerts",
		description="Open alerts, the most serious first.",
		run=list_alerts,
		arguments=s.NOTHING,
		answer=s.answer_schema(alerts=ROWS),
		audience=STAFF,
	),
)
