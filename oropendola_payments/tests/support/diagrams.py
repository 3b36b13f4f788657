"""The state diagrams of docs/architecture.md, drawn from the transition tables of the records."""

import re

from oropendola_payments.ai_billing.doctype.ai_agent_proposal.ai_agent_proposal import AIAgentProposal
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_plan_change.ai_plan_change import AIPlanChange
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.doctype.payment_posting.payment_posting import PaymentPosting
from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import PaymentRefund
from oropendola_payments.tests.support.source import ROOT

DOCUMENT = ROOT / "docs" / "architecture.md"
COMMAND = "python3 -m benchless execute oropendola_payments.tests.support.diagrams.write"
RECORDS = {
	"AI Invoice": AIInvoice,
	"Payment Attempt": PaymentAttempt,
	"Payment Refund": PaymentRefund,
	"Payment Posting": PaymentPosting,
	"AI Subscription": AISubscription,
	"AI Agent Proposal": AIAgentProposal,
	"AI Plan Change": AIPlanChange,
}
PLACE = re.compile(r"(<!-- states of (?P<record>[^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def write() -> str:
	"""Bring the document up to date with the tables."""
	DOCUMENT.write_text(redrawn(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
	return f"{DOCUMENT.name} is up to date."


def redrawn(text: str) -> str:
	"""The document with every drawing made new. All records must have their place in it."""
	found = [match["record"] for match in PLACE.finditer(text)]
	if found != list(RECORDS):
		raise ValueError(f"The document has places for {found}, but there are {list(RECORDS)}.")
	return PLACE.sub(lambda match: f"{match[1]}{drawing(RECORDS[match['record']])}{match[3]}", text)


def drawing(record) -> str:
	order = list(record.transitions)
	lines = [f'\tstate "{state}" as {_id(state)}' for state in order if " " in state]
	lines.append(f"\t[*] --> {_id(record.first_status)}")
	for state, targets in record.transitions.items():
		lines += [f"\t{_id(state)} --> {_id(target)}" for target in sorted(targets, key=order.index)]
		lines += [f"\t{_id(state)} --> [*]"] if not targets else []
	return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", ""])


def _id(state: str) -> str:
	return state.replace(" ", "")
