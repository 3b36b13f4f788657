"""A customer's bank contests a payment: the money is marked, refunds are refused, a person is told."""

import frappe
from frappe import _

from oropendola_payments.engine.settlement import look_up
from oropendola_payments.engine.transactions import in_transaction, lock
from oropendola_payments.exceptions import NotFound
from oropendola_payments.gateways.base import DisputeEvent

STATES = {"open": "Open", "lost": "Lost", "won": "Won"}
ORDER = ("", "Open", "Won", "Lost")


def record(gateway: str, event: DisputeEvent) -> str:
	"""The attempt whose money is contested."""
	capture = _find_capture(gateway, event)
	in_transaction(_record_locked, capture.name, capture.invoice, event)
	return capture.attempt


def _find_capture(gateway: str, event: DisputeEvent):
	keys = {"gateway": gateway, "gateway_payment_id": event.payment_id} if event.payment_id else None
	fields = ["name", "invoice", "attempt"]
	row = keys and frappe.db.get_value("Payment Capture", keys, fields, as_dict=True)
	if not row:
		row = frappe.db.get_value(
			"Payment Capture", {"attempt": look_up(gateway, event).name}, fields, as_dict=True
		)
	if not row:
		raise NotFound(_("No payment of ours matches this message of the gateway."))
	return row


def _record_locked(name: str, invoice_name: str, event: DisputeEvent):
	invoice, capture = lock("AI Invoice", invoice_name), lock("Payment Capture", name)
	state = STATES.get(event.state, "Open")
	# Messages come in any order: an outcome is never overwritten by the opening.
	if ORDER.index(state) <= ORDER.index(capture.dispute_state or ""):
		return
	before = capture.dispute_state or ""
	capture.write(dispute_state=state)
	invoice.record("dispute_" + state.lower(), capture, before, state, reason=event.reason)
	if state != "Won":
		message = _("Payment {0} is disputed ({1}). Please look at it in the gateway's dashboard.")
		invoice.flag_for_review(message.format(capture.gateway_payment_id, _(state)))
	invoice.write()
