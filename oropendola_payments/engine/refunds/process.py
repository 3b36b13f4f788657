"""Process refunds: commit the row, call the gateway, record the answer. After a timeout the refund is Unknown and is queried."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import OPEN, PaymentRefund
from oropendola_payments.ai_billing.formatting import money
from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.gateway import mode_guard, polling
from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.gateway.lost_time import LostTime
from oropendola_payments.engine.refunds import gateway_calls
from oropendola_payments.engine.refunds.ledger import record
from oropendola_payments.engine.refunds.record import CONTESTED, WITHOUT_GATEWAY
from oropendola_payments.gateways.base import RefundEvent, RefundOutcome
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	NotSent,
)

# Longer than all gateway calls of one step together, so that two workers never process the same refund.
LEASE_SECONDS = 120
# About an hour: a gateway that still does not show the refund then is not just slow.
TRIES_BEFORE_REVIEW = 6


class Step(Enum):
	SEND = "send"  # it was never sent
	QUERY_OR_SEND = "query or send"  # it may have been sent: query first
	QUERY = "query"  # it was sent, and the gateway sent a message about it


@dataclass(frozen=True)
class Claim:
	"""A refund that this worker has leased, and the step to take."""

	refund: PaymentRefund
	step: Step


class QueryRefused(Exception):
	"""The gateway refused the status query, which does not mean that the refund failed."""


class NotShown(BadAnswer):
	"""The gateway accepted the refund and now does not find its id."""


def process_invoice(invoice: str) -> None:
	"""Send the refunds that a settlement created for an invoice."""
	for name in frappe.get_all("Payment Refund", {"invoice": invoice, "status": "Created"}, pluck="name"):
		process(name)


def process(name: str, has_news: bool = False, lost: LostTime | None = None) -> None:
	"""Send a refund or query its status. `has_news`: query before the next check is due, because the gateway sent a message.

	In a sweep, `lost` is what its gateways have cost it. A refund that is left out for that stays due.
	"""
	lost = lost or LostTime()
	if lost.seconds and lost.is_too_much(frappe.db.get_value("Payment Refund", name, "gateway")):
		return
	claim = in_transaction(_claim, name, has_news)
	if not claim:
		return
	if claim.refund.gateway in WITHOUT_GATEWAY:
		record(name, RefundEvent(RefundOutcome.REFUNDED, key=name))
		return
	try:
		with lost.counted(claim.refund.gateway):
			event = _run(claim)
	except Exception as error:
		_handle(claim.refund, error)
	else:
		record(name, event)


# Claiming -----------------------------------------------------------------------------------------


def _claim(name: str, has_news: bool) -> Claim | None:
	"""Lease the refund, so that two workers never send it. Return None if it is leased, not due, or has to wait."""
	refund = lock("Payment Refund", name)
	if refund.status not in OPEN:
		return None
	step = _next_step(refund, has_news)
	if step is None or _postpone_if_other_mode(refund):
		return None
	if step is Step.SEND and _must_wait_for_another(refund):
		return None
	values = {
		"check_count": cint(refund.check_count) + 1,
		"next_check_at": polling.back_off(cint(refund.check_count), LEASE_SECONDS),
	}
	if step is Step.SEND:
		refund.mark_as_unknown(
			**values
		)  # from now on the call may have been made, so query before sending again
	else:
		refund.write(**values)
	return Claim(refund, step)


def _next_step(refund: PaymentRefund, has_news: bool) -> Step | None:
	if refund.status == "Created":
		return Step.SEND
	if has_news and refund.status == "Processing":
		return Step.QUERY
	is_due = not refund.next_check_at or get_datetime(refund.next_check_at) <= now_datetime()
	return Step.QUERY_OR_SEND if is_due else None


def _postpone_if_other_mode(refund: PaymentRefund) -> bool:
	"""Postpone the refund while the gateway is in another mode, whose account does not know it. Return whether it was."""
	if refund.gateway in WITHOUT_GATEWAY:
		return False
	attempt = mode_guard.mode_of(refund.attempt)
	if mode_guard.is_current_mode(attempt):
		return False
	refund.write(
		next_check_at=polling.back_off(cint(refund.check_count), LEASE_SECONDS),
		error_message=mode_guard.other_mode_message(attempt),
	)
	return True


def _must_wait_for_another(refund: PaymentRefund) -> bool:
	if refund.gateway in WITHOUT_GATEWAY:
		return False
	if not adapter_class(refund.gateway).capabilities.one_refund_at_a_time:
		return False
	others = {
		"capture": refund.capture,
		"name": ("!=", refund.name),
		"status": ("in", ("Processing", "Unknown")),
	}
	return bool(frappe.db.exists("Payment Refund", others))


# Calling ------------------------------------------------------------------------------------------


def _run(claim: Claim) -> RefundEvent:
	if claim.step is Step.SEND:
		return _send(claim.refund)
	event = _query(claim.refund)
	if event.outcome is not RefundOutcome.NOT_FOUND or claim.step is Step.QUERY:
		return event
	if claim.refund.gateway_refund_id:
		message = _("The gateway accepted this refund under the number {0} but no longer shows it.")
		raise NotShown(message.format(claim.refund.gateway_refund_id))
	# The gateway has no refund with our key, so it is safe to send the request with that key (again).
	return _send(claim.refund)


def _query(refund: PaymentRefund) -> RefundEvent:
	try:
		return gateway_calls.refund_status(refund)
	except CredentialsRefused:
		raise
	except GatewayRefused as error:
		raise QueryRefused(str(error)) from error


def _send(refund: PaymentRefund) -> RefundEvent:
	if frappe.db.get_value("Payment Capture", refund.capture, "dispute_state") in CONTESTED:
		raise NotSent(
			_(
				"The payment is disputed. The refund is on hold, because the customer could otherwise get the money twice."
			)
		)
	adapter, request = gateway_calls.adapter_of_payment(refund), gateway_calls.build_request(refund)
	if not cint(refund.may_have_arrived):
		in_transaction(lambda: lock("Payment Refund", refund.name).write(may_have_arrived=1))
	return call_gateway(refund.gateway, adapter.refund, request)


# Errors -----------------------------------------------------------------------------------------


def _handle(refund: PaymentRefund, error: Exception) -> None:
	"""Retry later or record the failure. Only a refusal is final, and only if no earlier request can have arrived."""
	match error:
		case NotSent() | CredentialsRefused():
			# This request was not sent, so restore what was known before it.
			_wait(refund, error, may_have_arrived=cint(refund.may_have_arrived))
		case NotShown():
			_wait(refund, error, needs_review=cint(refund.check_count) >= TRIES_BEFORE_REVIEW)
		case MaybeSent() | BadAnswer() | QueryRefused():
			_wait(refund, error)
		case GatewayRefused() if cint(refund.may_have_arrived):
			_wait(refund, error, needs_review=True)
		case GatewayRefused():
			record(refund.name, RefundEvent(RefundOutcome.FAILED, key=refund.name, reason=str(error)))
		case _:
			raise error


def _wait(refund: PaymentRefund, error: Exception, needs_review: bool = False, **values: Any) -> None:
	"""Leave the refund open, so its balance stays reserved until the next check."""
	values["error_message"] = str(error)[:500]
	in_transaction(_wait_locked, refund, needs_review, values)


def _wait_locked(refund: PaymentRefund, needs_review: bool, values: dict) -> None:
	invoice = lock("AI Invoice", refund.invoice) if needs_review else None
	row = lock("Payment Refund", refund.name)
	if row.status not in OPEN:
		return
	row.write(**values)
	if invoice:
		_flag_unclear(invoice, row)


def _flag_unclear(invoice: AIInvoice, refund: PaymentRefund) -> None:
	"""Flag the invoice for review, once for each refund, so that sweeps do not flag it again after the review."""
	if frappe.db.exists("Payment Event", {"reference_name": refund.name, "event": "refund_unclear"}):
		return
	invoice.record("refund_unclear", refund, reason=refund.error_message)
	message = _(
		"It is not clear whether refund {0} of {1} was made. Please look for it in the gateway's dashboard. Its amount stays reserved."
	)
	invoice.flag_for_review(message.format(refund.name, money(refund.amount, refund.currency)))
