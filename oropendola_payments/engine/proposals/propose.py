"""Record a proposal."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import frappe
from frappe.utils import cint, now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_agent_proposal.ai_agent_proposal import AIAgentProposal
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.engine.core.times import iso_time
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.proposals.decide import expire
from oropendola_payments.engine.proposals.kinds import KINDS

PROPOSAL = "AI Agent Proposal"


def propose(action: str, reason: str, **wanted: Any) -> dict:
	"""Record what an agent wants to do. The same proposal again gives the open one. Nothing else happens."""
	values = {**KINDS[action].check(**wanted), "action": action, "reason": reason}
	known = _open(values["open_key"])
	if known and known.is_over():
		expire(known.name)
		known = None
	if not known:
		with suppress(frappe.DuplicateEntryError):  # somebody proposed the same at the same moment
			in_transaction(_add, values)
	return facts(_open(values["open_key"]))


def _open(key: str) -> Any:
	name = frappe.db.get_value(PROPOSAL, {"open_key": key}, "name")
	return frappe.get_doc(PROPOSAL, name) if name else None


def _add(values: dict[str, Any]) -> None:
	proposal = records.new(PROPOSAL)
	hours = cint(payment_settings().proposal_hours) or 48
	proposal.update({**values, "expires_at": now_datetime() + timedelta(hours=hours)})
	proposal.add()
	append_to_site(
		"proposal_made", proposal, to_status="Proposed", action=proposal.action, key=proposal.open_key
	)


def facts(proposal: AIAgentProposal) -> dict:
	"""Return what agents see of a proposal."""
	return {
		"proposal": proposal.name,
		"action": proposal.action,
		"status": "Expired" if proposal.is_over() else proposal.status,
		"summary": proposal.summary,
		"expires_at": iso_time(proposal.expires_at),
		"outcome": proposal.outcome,
	}
