"""Asking a gateway how an attempt stands, outside of any lock, and settling what it answers."""

from dataclasses import replace

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.engine import schedule
from oropendola_payments.engine.adapters import adapter_of
from oropendola_payments.engine.calls import call_gateway
from oropendola_payments.engine.keys import operation_key
from oropendola_payments.engine.settlement import Settled, is_of_this_mode, look_up, settle
from oropendola_payments.exceptions import NotFound
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.gateways.errors import NotSupported

# A gateway that has never heard of an attempt this young may only be slow.
YOUNG_SECONDS = 15 * 60
RECENT_SECONDS = 10


def ask(name: str) -> list[Settled]:
	"""Ask the gateway about one attempt and settle all that it tells."""
	return ask_about(frappe.get_doc("Payment Attempt", name))


def ask_about(attempt, adapter=None) -> list[Settled]:
	"""As `ask`, for a caller that has read the attempt and made the adapter ready."""
	if not is_of_this_mode(attempt):
		return []  # a Test account knows nothing of a Live payment; it is asked when the mode is back
	note_check(attempt)
	frappe.db.commit()
	adapter = adapter or adapter_of(attempt.gateway)
	events = call_gateway(attempt.gateway, adapter.status, attempt.payment_ref())
	return [
		settle_and_capture(attempt.gateway, event, attempt, adapter)
		for event in _worth_settling(attempt, events)
	]


def names_unknown_order(attempt, event: PaymentEvent) -> bool:
	"""A signed message about an order that we did not store: perhaps another shop's on the same account, with our reference.

	Or it overtook the answer that would have told us the order. Asking about our own attempt tells which.
	"""
	if event.outcome not in (Outcome.PAID, Outcome.AUTHORIZED) or not event.order_id:
		return False
	return not attempt.gateway_order_id


def ask_unless_recent(name: str) -> list[Settled]:
	"""As `ask`, but strangers and impatient pages cannot make us hammer a gateway."""
	return ask_about_unless_recent(frappe.get_doc("Payment Attempt", name))


def ask_about_unless_recent(attempt, adapter=None) -> list[Settled]:
	return [] if was_asked_within(attempt, RECENT_SECONDS) else ask_about(attempt, adapter)


def was_asked_within(attempt, seconds: int) -> bool:
	last = attempt.last_check_at
	return bool(last) and (now_datetime() - get_datetime(last)).total_seconds() < seconds


def note_check(attempt):
	attempt.write(
		last_check_at=now_datetime(),
		check_count=cint(attempt.check_count) + 1,
		next_check_at=schedule.next_check(attempt),
	)


def settle_and_capture(gateway: str, event: PaymentEvent, attempt=None, adapter=None) -> Settled:
	"""Settle; money that is only reserved is taken and settled again."""
	settled = settle(gateway, event, attempt)
	if not settled.authorized:
		return settled
	adapter = adapter or adapter_of(gateway)
	if not adapter.capabilities.capture:
		return settled
	attempt = frappe.get_doc("Payment Attempt", settled.attempt)
	key = operation_key(attempt.name, "capture")
	captured = call_gateway(gateway, adapter.capture, attempt.payment_ref(), event, key)
	return settle(gateway, captured, attempt) if captured.outcome is not Outcome.AUTHORIZED else settled


def withdraw(name: str) -> bool:
	"""Close an open attempt at the gateway, where it can. False when it may still be paid there."""
	attempt = frappe.get_doc("Payment Attempt", name)
	adapter = adapter_of(attempt.gateway)
	if not adapter.capabilities.cancel:
		return False
	try:
		event = call_gateway(attempt.gateway, adapter.cancel, attempt.payment_ref())
	except NotSupported:
		return False
	settle_and_capture(attempt.gateway, _about(attempt, event))
	return event.outcome in (Outcome.CANCELLED, Outcome.EXPIRED, Outcome.FAILED)


def attempt_of_notice(gateway: str, notice):
	"""The attempt that a callback names; raises NotFound for a stranger."""
	if not (notice.reference or notice.order_id or notice.payment_id):
		raise NotFound(_("The message names no payment."))
	return look_up(gateway, notice)


def _worth_settling(attempt, events: list[PaymentEvent]) -> list[PaymentEvent]:
	age = (now_datetime() - get_datetime(attempt.initiated_at)).total_seconds()
	young = age < YOUNG_SECONDS
	return ranked(attempt, [e for e in events if not (e.outcome is Outcome.NOT_FOUND and young)])


def ranked(attempt, events: list[PaymentEvent]) -> list[PaymentEvent]:
	"""Money first: a failed try inside the same order must not close it before its success is seen."""
	in_order = sorted(events, key=lambda event: event.outcome not in (Outcome.PAID, Outcome.AUTHORIZED))
	return [_about(attempt, event) for event in in_order]


def _about(attempt, event: PaymentEvent) -> PaymentEvent:
	"""We asked about this attempt, so an answer without a reference is about it."""
	return event if event.reference else replace(event, reference=attempt.name)
