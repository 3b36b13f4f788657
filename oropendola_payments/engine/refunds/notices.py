"""What gateways say of refunds: of ours, or of one made in a provider's dashboard."""

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
	"""A refund told by webhook: ours by key or number, else one made in the provider's dashboard."""
	name = find(gateway, event)
	if name:
		require_current_mode(mode_of(frappe.db.get_value("Payment Refund", name, "attempt")))
		return record(name, event)
	if event.outcome is RefundOutcome.REFUNDED and event.payment_id and event.amount:
		return _adopt(gateway, event)
	raise NotFound(_("The gateway's message does not match any refund on this site."))


def find(gateway: str, event: RefundEvent) -> str | None:
	"""Our refund that the gateway speaks of: by our key, else by the gateway's number."""
	if event.key and frappe.db.exists("Payment Refund", {"name": event.key, "gateway": gateway}):
		return event.key
	if event.refund_id:
		return frappe.db.get_value(
			"Payment Refund", {"gateway": gateway, "gateway_refund_id": event.refund_id}, "name"
		)
	return None


def _adopt(gateway: str, event: RefundEvent) -> bool:
	capture = frappe.db.get_value(
		"Payment Capture",
		{"gateway": gateway, "gateway_payment_id": event.payment_id},
		["name", "invoice", "attempt"],
		as_dict=True,
	)
	if not capture:
		raise NotFound(_("The gateway's message does not match any payment on this site."))
	require_current_mode(mode_of(capture.attempt))
	name = in_transaction(_adopt_locked, capture, event)
	if name:
		notify_finished(name, True, event)
	return bool(name)


def _adopt_locked(names: frappe._dict, event: RefundEvent) -> str | None:
	"""A refund from outside is opened and finished in one transaction: a row in between would be sent by a sweep."""
	invoice, capture = lock("AI Invoice", names.invoice), lock("Payment Capture", names.name)
	# Gateways number their refunds each by itself.
	key = f"outside:{capture.gateway}:{event.refund_id or fingerprint(event.payment_id, event.amount)}"
	if frappe.db.exists("Payment Refund", {"idempotency_key": key}):
		return None
	_refuse_while_ours_is_unclear(capture, event)
	if to_decimal(event.amount) > capture.refundable():
		message = _("The gateway refunded {0} of payment {1}, which is more than was left to refund.")
		reported = exact_money(event.amount, capture.currency)
		invoice.flag_for_review(message.format(reported, capture.gateway_payment_id))
		return None
	refund = insert_refund(invoice, capture, to_decimal(event.amount), _("Refunded outside this app."), key)
	apply_event(invoice, refund, event)
	return refund.name


def _refuse_while_ours_is_unclear(capture: PaymentCapture, event: RefundEvent) -> None:
	"""Without our key in it, the message may speak of a refund of ours whose number we do not know yet."""
	waiting = {"capture": capture.name, "status": ("in", OPEN), "gateway_refund_id": ("is", "not set")}
	amounts = frappe.get_all("Payment Refund", waiting, pluck="amount")
	if any(to_decimal(amount) == to_decimal(event.amount) for amount in amounts):
		raise Conflict(
			_(
				"A refund of the same amount is in progress. This message will be processed again once the gateway's number for that refund is known."
			)
		)


def confirm_notice(gateway: str, event: RefundEvent) -> bool:
	"""As `record_notice`, for a vendor whose word is checked: a refund of ours is asked about instead of believed."""
	name = find(gateway, event)
	if not name:
		return record_notice(gateway, event)
	refund = frappe.get_doc("Payment Refund", name)
	answer = gateway_calls.refund_status(refund)
	return answer.outcome is not RefundOutcome.NOT_FOUND and record(name, answer, asked_as=refund.status)


def attempt_of_refund(gateway: str, event: RefundEvent) -> str | None:
	"""The payment that a refund is of, if it is one of ours."""
	refund = find(gateway, event)
	if refund:
		return frappe.db.get_value("Payment Refund", refund, "attempt")
	keys = {"gateway": gateway, "gateway_payment_id": event.payment_id}
	return (event.payment_id and frappe.db.get_value("Payment Capture", keys, "attempt")) or None
