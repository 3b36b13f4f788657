"""Approve, reject or let expire. Approving runs the same code as the button in the Desk."""

from collections.abc import Callable

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.ai_agent_proposal.ai_agent_proposal import AIAgentProposal
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.engine.core.batch import for_each
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.proposals.kinds import KINDS
from oropendola_payments.exceptions import Conflict, NotFound, is_refusal, sentence_of

PROPOSAL = "AI Agent Proposal"


def approve(name: str) -> dict:
	"""Approve a proposal and carry it out. After a crash the same call carries it out, and nothing happens twice."""
	_require_existing(name)
	before = in_transaction(_decide, name, AIAgentProposal.mark_as_approved)
	if before not in ("Proposed", "Approved"):
		raise _too_late(name)
	_carry_out(frappe.get_doc(PROPOSAL, name))
	return _answer(name)


def reject(name: str) -> dict:
	_require_existing(name)
	if in_transaction(_decide, name, AIAgentProposal.mark_as_rejected) not in ("Proposed", "Rejected"):
		raise _too_late(name)
	return _answer(name)


def expire(name: str) -> None:
	in_transaction(_expire_if_over, name)


def expire_due() -> int:
	"""Expire what nobody decided in time. Return the number."""
	over = {"status": "Proposed", "expires_at": ("<=", frappe.utils.now_datetime())}
	return for_each(PROPOSAL, over, expire)


def _decide(name: str, move: Callable[[AIAgentProposal], object]) -> str:
	"""Return the status that decides: Proposed if it is decided by this call, else what it was before."""
	proposal = lock(PROPOSAL, name)
	if _is_expired(proposal):
		return "Expired"
	before = proposal.status
	if before == "Proposed":
		move(proposal)
		_record(proposal, before)
	return before


def _expire_if_over(name: str) -> None:
	_is_expired(lock(PROPOSAL, name))


def _is_expired(proposal: AIAgentProposal) -> bool:
	if proposal.is_over():
		proposal.mark_as_expired()
		_record(proposal, "Proposed")
	return proposal.status == "Expired"


def _carry_out(proposal: AIAgentProposal) -> None:
	"""A refusal ends the proposal. After any other error it stays approved, and can be carried out again."""
	try:
		done = KINDS[proposal.action].carry_out(proposal)
	except Exception as error:
		if not is_refusal(error) or getattr(error, "http_status_code", 500) >= 500:
			raise
		sentence = sentence_of(error)
		frappe.db.rollback()
		frappe.clear_messages()
		in_transaction(_finish, proposal.name, sentence)
	else:
		in_transaction(_finish, proposal.name, None, **done)


def _finish(name: str, failure: str | None, outcome: str = "", refund: str | None = None) -> None:
	proposal = lock(PROPOSAL, name)
	if proposal.status != "Approved":
		return  # carried out at the same moment by somebody else
	if failure is None:
		proposal.mark_as_done(outcome, refund)
	else:
		proposal.mark_as_failed(failure)
	_record(proposal, "Approved")


def _record(proposal: AIAgentProposal, before: str) -> None:
	event = f"proposal_{proposal.status.lower()}"
	append_to_site(event, proposal, from_status=before, to_status=proposal.status, action=proposal.action)


def _require_existing(name: str) -> None:
	if not frappe.db.exists(PROPOSAL, name):
		raise NotFound(_("There is no proposal {0}.").format(name))


def _too_late(name: str) -> Conflict:
	proposal = frappe.get_doc(PROPOSAL, name)
	return Conflict(_("Proposal {0} is {1} and can no longer be decided.").format(name, _(proposal.status)))


def _answer(name: str) -> dict:
	row = frappe.db.get_value(PROPOSAL, name, ["status", "outcome"], as_dict=True)
	return {"proposal": name, "status": row.status, "outcome": row.outcome}
