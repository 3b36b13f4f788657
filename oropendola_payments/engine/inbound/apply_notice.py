"""Apply a stored message: settle verified events; for anything else, query the gateway."""

from collections.abc import Callable
from dataclasses import dataclass

import frappe

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.gateway.mode_guard import require_current_mode
from oropendola_payments.engine.inbound.capture import settle_and_capture
from oropendola_payments.engine.inbound.status_query import (
	GAP_SECONDS,
	RECENT_SECONDS,
	pause_left,
	refresh,
)
from oropendola_payments.engine.refunds import notices
from oropendola_payments.engine.refunds import process as refunds
from oropendola_payments.engine.settlement import disputes
from oropendola_payments.engine.settlement.settle import find_attempt
from oropendola_payments.gateways.base import (
	DisputeEvent,
	Gateway,
	Notice,
	Outcome,
	PaymentEvent,
	RefundEvent,
)


class Deferred(Exception):
	"""The gateway was queried a moment ago, so process the message again in `seconds`. This does not count as a failure."""

	def __init__(self, seconds: float):
		super().__init__(f"The gateway is asked again in {seconds:.0f} seconds.")
		self.seconds = seconds


@dataclass
class Message:
	"""A message of the inbox. `adapter` and `target` are set only while the webhook request is handled."""

	gateway: str
	notice: Notice
	adapter: Gateway | None = None
	target: PaymentAttempt | None = None  # the attempt that an unsigned notice is about
	mark: Callable[[str], None] | None = (
		None  # notes in the payment's transaction that the message is processed
	)
	is_marked: bool = False


def apply_notice(message: Message) -> str | None:
	"""Apply a message and return the name of its attempt, or None if it is about no payment of ours."""
	if message.notice.verified and not message.notice.confirm:
		attempts = [_apply_event(message, event) for event in message.notice.events]
		return next((name for name in reversed(attempts) if name), None)
	return _confirm_with_gateway(message)


def may_ask_gateway(notice: Notice) -> bool:
	"""Return whether applying a notice may call its gateway: to confirm it, to capture a hold, or about money in transit."""
	undecided = (Outcome.AUTHORIZED, Outcome.PENDING)
	is_open = any(isinstance(each, PaymentEvent) and each.outcome in undecided for each in notice.events)
	return is_open or notice.confirm or not notice.verified


def _apply_event(message: Message, event: PaymentEvent | RefundEvent | DisputeEvent) -> str | None:
	gateway = message.gateway
	if isinstance(event, RefundEvent):
		notices.record_notice(gateway, event)
		return notices.attempt_of_refund(gateway, event)
	if isinstance(event, DisputeEvent):
		return disputes.record(gateway, event)
	attempt = find_attempt(gateway, event)
	if _names_unknown_order(attempt, event) or _moves_transit(attempt, event):
		refresh(attempt, adapter=message.adapter)
		return attempt.name
	return _settle(message, attempt, event)


def _settle(message: Message, attempt: PaymentAttempt, event: PaymentEvent) -> str:
	mark = message.mark if len(message.notice.events) == 1 else None
	at_end = (lambda _invoice: mark(attempt.name)) if mark else None
	settled = settle_and_capture(attempt, event, message.adapter, at_end)
	message.is_marked = at_end is not None
	return settled.attempt


def _names_unknown_order(attempt: PaymentAttempt, event: PaymentEvent) -> bool:
	"""Return whether a verified event names an order while we have none stored.

	Either another shop on the same account uses our reference, or the webhook arrived before the answer to our create call. A
	status query of our attempt shows which.
	"""
	is_money = event.outcome in (Outcome.PAID, Outcome.AUTHORIZED)
	return is_money and bool(event.order_id) and not attempt.gateway_order_id


def _moves_transit(attempt: PaymentAttempt, event: PaymentEvent) -> bool:
	"""Return whether a message says that money has gone into transit, or that none is. An older one may arrive after the outcome, so ask."""
	return event.outcome is Outcome.PENDING and event.in_transit != bool(attempt.in_transit)


def _confirm_with_gateway(message: Message) -> str | None:
	"""Query the status for an unsigned notice, or for a provider whose messages need confirmation."""
	notice = message.notice
	others = [e for e in notice.events if not isinstance(e, PaymentEvent)] if notice.verified else []
	attempts = [_apply_confirmed(message, event) for event in others]
	if others and not any(isinstance(event, PaymentEvent) for event in notice.events):
		return next((name for name in reversed(attempts) if name), None)
	if not (notice.reference or notice.order_id or notice.payment_id):
		return None
	attempt = message.target or find_attempt(message.gateway, notice)
	was_paid = attempt.status == "Paid"
	require_current_mode(attempt)
	_refresh_for(message, attempt)
	if was_paid:
		_refresh_refunds(attempt.name)
	return attempt.name


def _refresh_for(message: Message, attempt: PaymentAttempt) -> None:
	"""Refresh the attempt, but limit the rate, because anybody can repeat a message."""
	notice = message.notice
	if not notice.verified:
		refresh(attempt, unless_checked_within=RECENT_SECONDS, adapter=message.adapter)
	elif not notice.events or not all(_is_already_recorded(attempt, event) for event in notice.events):
		pause = pause_left(attempt, GAP_SECONDS)
		if pause:
			raise Deferred(pause)
		refresh(attempt, adapter=message.adapter)


def _is_already_recorded(attempt: PaymentAttempt, event: PaymentEvent | RefundEvent | DisputeEvent) -> bool:
	if not isinstance(event, PaymentEvent):
		return True
	if event.outcome is Outcome.PAID:
		known = {"gateway": attempt.gateway, "gateway_payment_id": event.payment_id}
		return attempt.status == "Paid" and bool(
			event.payment_id and frappe.db.exists("Payment Capture", known)
		)
	if event.outcome in (Outcome.PENDING, Outcome.AUTHORIZED):
		return attempt.status == "Paid" and event.payment_id in (None, attempt.gateway_payment_id)
	return not attempt.is_open()


def _apply_confirmed(message: Message, event: PaymentEvent | RefundEvent | DisputeEvent) -> str | None:
	if not isinstance(event, RefundEvent):
		return _apply_event(message, event)
	notices.confirm_notice(message.gateway, event)
	return notices.attempt_of_refund(message.gateway, event)


def _refresh_refunds(attempt: str) -> None:
	"""Query the open refunds too, because an unsigned notice may be about one of them."""
	waiting = {"attempt": attempt, "status": ("in", ("Processing", "Unknown"))}
	for name in frappe.get_all("Payment Refund", waiting, pluck="name"):
		refunds.process(name, has_news=True)
