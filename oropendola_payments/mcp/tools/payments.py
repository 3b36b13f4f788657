"""The user's invoices and payments."""

import frappe

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN
from oropendola_payments.engine.checkout import status
from oropendola_payments.mcp.tools import pages
from oropendola_payments.mcp.tools import schema as s
from oropendola_payments.mcp.tools.plain import UNTRUSTED, untrusted
from oropendola_payments.mcp.tools.tool import Caller, Outcome, Tool

FIELDS = [
	"name", "subscription", "plan", "purpose", "status", "total_amount", "amount_paid", "amount_refunded", "outstanding_amount",
	"currency", "due_date", "paid_date", "period_start", "period_end", "creation",
]  # fmt: skip
INVOICE = s.text("The `invoice_id` of one of the user's invoices.")
NUMBER = {"type": "number"}
MOST = 50


def get_payment_status(caller: Caller, invoice_id: str) -> Outcome:
	found = status.payment_status(caller.user, invoice_id)
	kept = (
		"status", "total_amount", "amount_paid", "amount_refunded", "outstanding_amount", "currency", "can_retry",
		"retries_remaining", "subscription_status",
	)  # fmt: skip
	facts = {name: found[name] for name in kept}
	attempt = found["attempt"]
	page = pages.checkout(invoice_id) if found["status"] in OPEN else None
	return Outcome(
		{
			"invoice_id": found["invoice"],
			**facts,
			"failure_reason": untrusted(found["failure_reason"]),
			"latest_payment": _payment(attempt) if attempt else None,
		},
		page,
	)


def _payment(attempt: dict) -> dict:
	facts = {
		name: attempt[name] for name in ("name", "gateway", "status", "amount", "currency", "payment_method")
	}
	return {**facts, "message": untrusted(attempt["error_message"])}


def list_invoices(caller: Caller, only_open: bool = False, limit: int = 20) -> dict:
	filters = {"user": caller.user, **({"status": ("in", OPEN)} if only_open else {})}
	rows = frappe.get_all("AI Invoice", filters, FIELDS, order_by="creation desc", limit=limit)
	return {"invoices": [_invoice(row) for row in rows]}


def _invoice(row: frappe._dict) -> dict:
	facts = {name: row[name] for name in FIELDS if name not in ("name", "subscription", "creation")}
	return {"invoice_id": row.name, "subscription_id": row.subscription, **facts, "created_on": row.creation}


TOOLS = (
	Tool(
		name="get_payment_status",
		title="Get payment status",
		description="Whether an invoice is paid, and how its latest payment stands. Asks the gateway if the last answer is"
		" too old. Wait at least five seconds between two calls.",
		run=get_payment_status,
		arguments=s.argument_schema({"invoice_id": INVOICE}),
		answer=s.answer_schema(
			invoice_id={"type": "string"},
			status={"type": "string"},
			outstanding_amount=NUMBER,
			failure_reason=UNTRUSTED,
		),
		reaches_outside=True,
		with_key=True,
	),
	Tool(
		name="list_invoices",
		title="List invoices",
		description="The user's invoices, the newest first.",
		run=list_invoices,
		arguments=s.argument_schema(
			optional={
				"only_open": s.yes_or_no("Only what can still be paid."),
				"limit": s.whole("How many.", 1, MOST),
			}
		),
		answer=s.answer_schema(
			invoices=s.several({"type": "object", "required": ["invoice_id", "status", "total_amount"]})
		),
		with_key=True,
	),
)
