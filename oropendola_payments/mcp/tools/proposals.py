"""What agents of managers may only propose. A person approves it in the Desk; no tool does."""

from decimal import Decimal

import frappe

from oropendola_payments.engine.proposals import propose
from oropendola_payments.mcp.tools import schema as s
from oropendola_payments.mcp.tools.plain import untrusted
from oropendola_payments.mcp.tools.tool import MANAGER, STAFF, Caller, Tool

REASON = s.text("Why, for the person who decides.", 500)
ANSWER = s.answer_schema(
	proposal={"type": "string"},
	status={"type": "string"},
	summary={"type": "string"},
	expires_at={"type": "string"},
)
NOTE = " Nothing happens before a Payments Manager approves it in the Desk."


def propose_refund(caller: Caller, invoice_id: str, reason: str, amount: int | Decimal | None = None) -> dict:
	asked = None if amount is None else Decimal(amount)
	return propose.propose("Refund", reason, invoice=invoice_id, amount=asked)


def propose_cancellation(
	caller: Caller, subscription_id: str, reason: str, at_period_end: bool = True
) -> dict:
	return propose.propose(
		"Cancellation", reason, subscription=subscription_id, wait_for_period_end=at_period_end
	)


def propose_replay(caller: Caller, message: str, reason: str) -> dict:
	return propose.propose("Replay", reason, message=message)


def list_proposals(caller: Caller, limit: int = 20) -> dict:
	names = frappe.get_all("AI Agent Proposal", pluck="name", order_by="creation desc", limit=limit)
	rows = [frappe.get_doc("AI Agent Proposal", name) for name in names]
	return {
		"proposals": [
			{**propose.facts(row), "reason": untrusted(row.reason), "user": row.user} for row in rows
		]
	}


def _tool(name: str, title: str, description: str, run, arguments: s.Schema) -> Tool:
	return Tool(
		name, title, description + NOTE, run, arguments, ANSWER, reads=False, audience=MANAGER, per_minute=10
	)


TOOLS = (
	_tool(
		"propose_refund",
		"Propose a refund",
		"Propose to refund an invoice, in full or in part.",
		propose_refund,
		s.argument_schema(
			{"invoice_id": s.text("The invoice."), "reason": REASON},
			{"amount": s.amount("In the invoice's currency. All that is left, if it is not sent.")},
		),
	),
	_tool(
		"propose_cancellation",
		"Propose a cancellation",
		"Propose to cancel a customer's subscription.",
		propose_cancellation,
		s.argument_schema(
			{"subscription_id": s.text("The subscription."), "reason": REASON},
			{"at_period_end": s.yes_or_no("False ends service now.", default=True)},
		),
	),
	_tool(
		"propose_replay",
		"Propose a replay",
		"Propose to process a gateway's message again.",
		propose_replay,
		s.argument_schema({"message": s.text("Its name, from list_failed_messages."), "reason": REASON}),
	),
	Tool(
		name="list_proposals",
		title="List proposals",
		description="What was proposed, and what became of it.",
		run=list_proposals,
		arguments=s.argument_schema(optional={"limit": s.whole("How many.", 1, 50)}),
		answer=s.answer_schema(proposals=s.several({"type": "object"})),
		audience=STAFF,
	),
)
