"""Refund messages of gateways: about our refunds, and about refunds made in a provider's dashboard."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import OPEN
from oropendola_payments.ai_billing.formatting import exact_money
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.gateway.idempotency import fingerprint
from oropendola_payments.engine.gateway.mode_guard import mode_of, require_current_mode
from oropendola_payments.engine.refunds import gateway_calls
from oropendola_payments.engine.refunds.ledger import apply_event, notify_finished, record
from oropendola_payments.engine.refunds.record import insert_refund
from oropendola_payments.exceptions import Conflict, NotFound
from oropendola_payments.gateways.base import RefundEvent, RefundOutcome
from oropendola_payments.money import to_decimal


def record_notice(gateway: str, event: RefundEvent) -> bool:
	"""Settle a refund message. Without a match by key or refund id, record it as a refund made in the provider's dashboard."""
	name = find(gateway, event)
	if name:
		require_current_mode(mode_of(frappe.db.get_value("Payment Refund", name, "attempt")))
		return record(name, event)
	if event.outcome is RefundOutcome.REFUNDED and event.payment_id and event.amount:
		return _record_external(gateway, event)
	raise NotFound(_("The gateway's message does not match any refund on this site."))


def find(gateway: str, event: RefundEvent) -> str | None:
	"""Return our refund of this event: by our key, else by the gateway's refund id."""
	if event.key and frappe.db.exists("Payment Refund", {"name": event.key, "gateway": gateway}):
		return event.key
	if event.refund_id:
		return frappe.db.get_value(
			"Payment Refund", {"gateway": gateway, "gateway_refund_id": event.refund_id}, "name"
		)
	return None


def _record_external(gateway: str, event: RefundEvent) -> bool:
	capture = frappe.db.get_value(
		"Payment Capture",
		{"gateway": gateway, "gateway_payment_id": event.payment_id},
		["name", "invoice", "attempt"],
		as_dict=True,
	)
	if not capture:
		raise NotFound(_("The gateway's message does not match any payment on this site."))
	require_current_mode(mode_of(capture.attempt))
	name, is_early = in_transaction(_record_external_locked, capture, event)
	if is_early:  # after the commit, so that staff see it although the message is tried again
		raise Conflict(
			_(
				"A refund in progress reserves this money. This message will be processed again when it is over."
			)
		)
	if name:
		notify_finished(name, True, event)
	return bool(name)


def _record_external_locked(names: frappe._dict, event: RefundEvent) -> tuple[str | None, bool]:
	"""Create and finish an external refund in one transaction, because a sweep would send a Created row to the gateway.

	Return its name, and whether it has to wait: a refund of ours that is under way may fail, and then this money is free.
	"""
	invoice, capture = lock("AI Invoice", names.invoice), lock("Payment Capture", names.name)
	# Refund ids are unique within one gateway only.
	key = f"outside:{capture.gateway}:{event.refund_id or fingerprint(event.payment_id, event.amount)}"
	if frappe.db.exists("Payment Refund", {"idempotency_key": key}):
		return None, False
	_require_no_pending_match(capture, event)
	if to_decimal(event.amount) > capture.refundable():
		message = _("The gateway refunded {0} of payment {1}, which is more than was left to refund.")
		reported = exact_money(event.amount, capture.currency)
		invoice.flag_for_review(message.format(reported, capture.gateway_payment_id))
		open_ones = {"capture": capture.name, "status": ("in", OPEN)}
		return None, bool(frappe.db.exists("Payment Refund", open_ones))
	refund = insert_refund(invoice, capture, to_decimal(event.amount), _("Refunded outside this app."), key)
	apply_event(invoice, refund, event)
	return refund.name, False


def _require_no_pending_match(capture: PaymentCapture, event: RefundEvent) -> None:
	"""Raise Conflict while the message, which has no key of ours, may be about a refund of ours whose id we do not know yet."""
	waiting = {"capture": capture.name, "status": ("in", OPEN), "gateway_refund_id": ("is", "not set")}
	amounts = frappe.get_all("Payment Refund", waiting, pluck="amount")
	if any(to_decimal(amount) == to_decimal(event.amount) for amount in amounts):
		raise Conflict(
			_(
				"A refund of the same amount is in progress. This message will be processed again once the gateway's number for that refund is known."
			)
		)


def confirm_notice(gateway: str, event: RefundEvent) -> bool:
	"""As `record_notice`, but query the status of our refund, for providers whose messages need confirmation."""
	name = find(gateway, event)
	if not name:
		return record_notice(gateway, event)
	refund = frappe.get_doc("Payment Refund", name)
	answer = gateway_calls.refund_status(refund)
	return answer.outcome is not RefundOutcome.NOT_FOUND and record(name, answer, asked_as=refund.status)


def attempt_of_refund(gateway: str, event: RefundEvent) -> str | None:
	"""Return the attempt of a refund event, if we have one."""
	refund = find(gateway, event)
	if refund:
		return frappe.db.get_value("Payment Refund", refund, "attempt")
	keys = {"gateway": gateway, "gateway_payment_id": event.payment_id}
	return (event.payment_id and frappe.db.get_value("Payment Capture", keys, "attempt")) or None
