"""What agents of staff propose: a Payments Manager decides in the Desk."""

import frappe
from frappe import _

from oropendola_payments.api import endpoint, require_manager
from oropendola_payments.api.answers import managers as answers
from oropendola_payments.engine.proposals import decide
from oropendola_payments.exceptions import NotAllowed


@endpoint(methods=("POST",), source="Desk", answer=answers.DecidedProposal)
def approve(proposal: str) -> dict:
	"""Approve a proposal and carry it out. Needs a log-in in a browser."""
	_require_person()
	return decide.approve(proposal)


@endpoint(methods=("POST",), source="Desk", answer=answers.DecidedProposal)
def reject(proposal: str) -> dict:
	"""Reject a proposal. Needs a log-in in a browser."""
	_require_person()
	return decide.reject(proposal)


def _require_person() -> None:
	"""Refuse programs: whoever proposes with a token must not approve with it."""
	require_manager()
	request = getattr(frappe.local, "request", None)
	if request and (request.headers.get("Authorization") or not _is_in_browser()):
		raise NotAllowed(_("Only a person who is logged in to the Desk may decide about proposals."))


def _is_in_browser() -> bool:
	"""Return whether the user comes from a session. Any other log-in, also by another app's hook, puts the name in its place."""
	return frappe.session.sid != frappe.session.user
