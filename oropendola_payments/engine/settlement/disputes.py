"""Disputes (chargebacks): mark the capture, refuse refunds of it and flag the invoice for review.

A payment can be disputed more than once, and a lost dispute can still be won later. So each dispute keeps its own state, and
the capture counts as Won only when none of its disputes is open or lost. A payout that took the money back without any message
makes the capture Open, until a message says what became of it.
"""

import frappe
from frappe import _
from frappe.utils import cstr

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.engine.core.event_order import is_newer, utc_text
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.gateway.mode_guard import mode_of, require_current_mode
from oropendola_payments.engine.settlement.settle import find_attempt
from oropendola_payments.engine.wallet.refunds import follow_money
from oropendola_payments.exceptions import NotFound
from oropendola_payments.gateways.base import DisputeEvent

STATES = {"open": "Open", "lost": "Lost", "won": "Won"}
# Used when messages carry no times: "Open" never overwrites an outcome.
ORDER = ("", "Open", "Won", "Lost")
WORST_FIRST = ("Open", "Lost", "Won")
PAYOUTS = "payouts"  # the entry for what only payouts say


def record(gateway: str, event: DisputeEvent) -> str:
	"""Store a dispute message and return the name of the disputed attempt."""
	capture = _find_capture(gateway, event)
	require_current_mode(mode_of(capture.attempt))
	in_transaction(_record_locked, capture.name, capture.invoice, event)
	return capture.attempt


def _find_capture(gateway: str, event: DisputeEvent) -> frappe._dict:
	keys = {"gateway": gateway, "gateway_payment_id": event.payment_id} if event.payment_id else None
	fields = ["name", "invoice", "attempt"]
	row = keys and frappe.db.get_value("Payment Capture", keys, fields, as_dict=True)
	if not row:
		row = frappe.db.get_value(
			"Payment Capture", {"attempt": find_attempt(gateway, event).name}, fields, as_dict=True
		)
	if not row:
		raise NotFound(_("The gateway's message does not match any payment on this site."))
	return row


def _record_locked(name: str, invoice_name: str, event: DisputeEvent) -> None:
	invoice, capture = lock("AI Invoice", invoice_name), lock("Payment Capture", name)
	disputes = frappe.parse_json(capture.disputes or "{}")
	key, state = cstr(event.dispute_id), STATES.get(event.state, "Open")
	known = disputes.get(key) or {}
	if not _is_newest(state, event, known):
		return
	disputes[key] = {"state": state, "at": utc_text(event.occurred_at) or known.get("at")}
	disputes.pop(PAYOUTS, None)  # from now on there are messages
	capture.write(disputes=frappe.as_json(disputes), dispute_state=_worst(disputes))
	follow_money(invoice)
	if state != known.get("state"):
		_record_event(invoice, capture, known.get("state") or "", state, event)


def _is_newest(state: str, event: DisputeEvent, known: dict) -> bool:
	"""Return whether this message is newer than what is stored about its dispute."""
	newer = is_newer(event.occurred_at, known.get("at"))
	return newer if newer is not None else ORDER.index(state) > ORDER.index(known.get("state") or "")


def _worst(disputes: dict) -> str:
	states = {dispute["state"] for dispute in disputes.values()}
	return next((state for state in WORST_FIRST if state in states), "")


def state_in_messages(disputes: str | None) -> str:
	"""Return the state that the gateway's messages gave a capture, of its column `disputes`; empty if there were none."""
	known = frappe.parse_json(disputes or "{}")
	return _worst({key: dispute for key, dispute in known.items() if key != PAYOUTS})


def follow_payouts(name: str, is_taken_back: bool) -> None:
	"""Make a capture Open while payouts say that its money was taken back, and no message did. The caller commits.

	Its money is at the gateway no more, so a refund would send it a second time.
	"""
	invoice = lock("AI Invoice", frappe.db.get_value("Payment Capture", name, "invoice"))
	capture = lock("Payment Capture", name)
	disputes, before = frappe.parse_json(capture.disputes or "{}"), capture.dispute_state or ""
	is_disputed = is_taken_back and not state_in_messages(capture.disputes)
	if is_disputed == (PAYOUTS in disputes):
		return
	if is_disputed:
		disputes[PAYOUTS] = {"state": "Open", "at": None}
	else:
		del disputes[PAYOUTS]
	state = _worst(disputes)
	capture.write(disputes=frappe.as_json(disputes), dispute_state=state)
	follow_money(invoice)
	invoice.record("dispute_in_payout" if is_disputed else "dispute_in_payout_gone", capture, before, state)
	if is_disputed:
		message = _(
			"A payout took payment {0} back, and no message about a dispute arrived. Please check it in the gateway's dashboard."
		)
		invoice.flag_for_review(message.format(capture.gateway_payment_id))


def _record_event(
	invoice: AIInvoice, capture: PaymentCapture, before: str, state: str, event: DisputeEvent
) -> None:
	details = {"dispute": event.dispute_id} if event.dispute_id else {}
	invoice.record("dispute_" + state.lower(), capture, before, state, reason=event.reason, **details)
	if state != "Won":
		message = _("Payment {0} is disputed ({1}). Please check it in the gateway's dashboard.")
		invoice.flag_for_review(message.format(capture.gateway_payment_id, _(state)))
