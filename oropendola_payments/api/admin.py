"""What managers do from the Desk."""

from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.api import endpoint, require_manager
from oropendola_payments.engine.gateway import live_guard
from oropendola_payments.engine.gateway.simulated import mock_marks_of
from oropendola_payments.engine.inbound import inbox
from oropendola_payments.engine.inbound.status_query import refresh
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import manual_payment, reviews
from oropendola_payments.exceptions import BadRequest, NotFound

MAX_REPLAYS = 100


@endpoint(methods=("POST",), source="Desk")
def record_manual_payment(
	invoice_id: str, amount: Decimal, reference: str, paid_on: str | None = None, note: str | None = None
) -> dict:
	"""A bank transfer or cash that arrived."""
	require_manager()
	return manual_payment.record_payment(invoice_id, amount, reference, paid_on, note)


@endpoint(methods=("POST",), source="Desk")
def ask_gateway(attempt: str) -> dict:
	"""Ask the gateway now how an attempt stands."""
	require_manager()
	if not frappe.db.exists("Payment Attempt", attempt):
		raise NotFound(_("There is no payment {0}.").format(attempt))
	refresh(attempt)
	status = frappe.db.get_value("Payment Attempt", attempt, "status")
	return {"attempt": attempt, "status": status, **mock_marks_of(attempt)}


@endpoint(methods=("POST",), source="Desk")
def replay_messages(names: str) -> dict:
	"""Work on stored messages again; `names` is a JSON list or one name."""
	require_manager()
	wanted = frappe.parse_json(names) if names.startswith("[") else [names]
	if (
		not isinstance(wanted, list)
		or len(wanted) > MAX_REPLAYS
		or not all(isinstance(n, str) for n in wanted)
	):
		raise BadRequest(_("Please send no more than {0} message names.").format(MAX_REPLAYS))
	return {"results": inbox.replay(wanted)}


@endpoint(methods=("POST",), source="Desk")
def confirm_live_site() -> dict:
	"""Say that live payments belong to this site, not to a copy of it."""
	require_manager()
	live_guard.confirm()
	return {"confirmed_site": live_guard.this_site()}


@endpoint(methods=("POST",), source="Desk")
def close_refund(refund: str, note: str) -> dict:
	"""Say that a refund without a known end was not made; the note says what was seen at the gateway."""
	require_manager()
	return create.close_manually(refund, note)


@endpoint(methods=("POST",), source="Desk")
def finish_review(invoice_id: str, note: str) -> dict:
	"""A person has looked; the note says what was found."""
	require_manager()
	return reviews.finish_review(invoice_id, note)
