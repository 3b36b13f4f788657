"""Asking a gateway how an attempt stands, outside of any lock, and settling what it answers."""

from dataclasses import replace

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.gateway.idempotency import operation_key
from oropendola_payments.engine.gateway.mode_guard import is_current_mode
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.refunds import ledger
from oropendola_payments.engine.settlement.settle import find_attempt, settle, should_capture
from oropendola_payments.engine.settlement.types import Settled
from oropendola_payments.exceptions import Conflict, NotFound
from oropendola_payments.gateways.base import Outcome, PaymentEvent, RefundEvent
from oropendola_payments.gateways.errors import GatewayError, NotSupported

# A gateway that has never heard of an attempt this young may only be slow.
YOUNG_SECONDS = 15 * 60
RECENT_SECONDS = 10
GAP_SECONDS = 2


def ask(name: str) -> list[Settled]:
	"""Ask the gateway about one attempt and settle all that it tells."""
	return ask_about(frappe.get_doc("Payment Attempt", name))


def ask_about(attempt, adapter=None) -> list[Settled]:
	"""As `ask`, for a caller that has read the attempt and made the adapter ready."""
	if not is_current_mode(attempt):
		return []  # a Test account knows nothing of a Live payment; it is asked when the mode is back
	note_check(attempt)
	frappe.db.commit()
	adapter = adapter or adapter_of(attempt.gateway)
	events = call_gateway(attempt.gateway, adapter.status, attempt.payment_ref())
	settled = settle_all(attempt, _worth_settling(attempt, events), adapter)
	if not polling.has_next_check(attempt):
		_stop_asking(attempt)
	return settled


def settle_all(attempt, events: list, adapter=None) -> list[Settled]:
	"""Settle all that a gateway told. One fact that fails hides no other; the first failure is raised at the end."""
	settled, failures = [], []
	for event in ranked(attempt, events):
		try:
			if isinstance(event, RefundEvent):
				_note_refund(attempt.gateway, event)
			else:
				settled.append(settle_and_capture(attempt.gateway, event, attempt, adapter))
		except Exception as error:
			frappe.db.rollback()
			failures.append(error)
	if failures:
		raise failures[0]
	return settled


def _note_refund(gateway: str, event: RefundEvent):
	"""A refund that a status answer tells of: ours, or one made in the provider's dashboard whose message was lost."""
	try:
		ledger.record_notice(gateway, event)
	except (NotFound, Conflict):
		frappe.db.rollback()  # not finished, or perhaps ours without a number yet: it is told again


def _stop_asking(attempt):
	"""The gateway was asked for the last time. What is open still came to nothing, as far as anybody can know."""
	left_open = frappe.db.get_value("Payment Attempt", attempt.name, "status") in ("Created", "Processing")
	if left_open:
		settle(attempt.gateway, PaymentEvent(Outcome.EXPIRED, reference=attempt.name), attempt)
	frappe.db.sql("UPDATE `tabPayment Attempt` SET next_check_at = NULL WHERE name = %s", attempt.name)
	frappe.db.commit()


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


def ask_about_or_soon(attempt, adapter=None, pause: int = RECENT_SECONDS):
	"""As `ask_about`; news that came too soon after the last question makes the next sweep ask."""
	if was_asked_within(attempt, pause):
		ask_soon(attempt)
	else:
		ask_about(attempt, adapter)


def ask_soon(attempt):
	"""A bell that rang a moment ago as well may still be about something new."""
	moment = polling.soon()
	if not attempt.next_check_at or get_datetime(attempt.next_check_at) > moment:
		frappe.db.sql(
			"UPDATE `tabPayment Attempt` SET next_check_at = %s WHERE name = %s", (moment, attempt.name)
		)
		frappe.db.commit()


def require_this_mode(attempt):
	if not is_current_mode(attempt):
		message = _("Payment {0} was opened in {1} mode. It can be asked about when that mode is back.")
		raise Conflict(message.format(attempt.name, attempt.mode))


def was_asked_within(attempt, seconds: int) -> bool:
	"""A last check in the future is a clock that was put back, and says nothing."""
	last = attempt.last_check_at
	return bool(last) and 0 <= (now_datetime() - get_datetime(last)).total_seconds() < seconds


def note_check(attempt):
	attempt.write(
		last_check_at=now_datetime(),
		check_count=cint(attempt.check_count) + 1,
		next_check_at=polling.next_check_during_query(attempt),
	)


def settle_and_capture(gateway: str, event: PaymentEvent, attempt=None, adapter=None) -> Settled:
	"""Settle. Money that is only reserved is taken first, when it is still wanted and has to be taken by us."""
	if event.outcome is not Outcome.AUTHORIZED:
		return settle(gateway, event, attempt)
	if attempt is None or attempt.name != event.reference:
		attempt = find_attempt(gateway, event)
	adapter = adapter or adapter_of(gateway)
	if not adapter.capabilities.capture or not should_capture(attempt):
		return settle(gateway, event, attempt)
	frappe.db.commit()
	key = operation_key(attempt.name, "capture")
	try:
		event = call_gateway(gateway, adapter.capture, attempt.payment_ref(), event, key)
	except GatewayError:
		settle(gateway, event, attempt)  # that it is reserved is known at least
		raise
	return settle(gateway, event, attempt)


# What a gateway says of an attempt that nobody can pay any more.
CLOSED = (Outcome.CANCELLED, Outcome.EXPIRED, Outcome.FAILED)


def withdraw(name: str):
	"""Close an attempt at the gateway, where it can, and settle what became of it."""
	attempt = frappe.get_doc("Payment Attempt", name)
	event = close_at_gateway(attempt)
	if event:
		settle_and_capture(attempt.gateway, event)


def close_at_gateway(attempt) -> PaymentEvent | None:
	"""What became of the attempt, which may be that it was paid. None where the gateway cannot close it."""
	adapter = adapter_of(attempt.gateway)
	if not adapter.capabilities.cancel:
		return None
	try:
		return _about(attempt, call_gateway(attempt.gateway, adapter.cancel, attempt.payment_ref()))
	except NotSupported:
		return None


def attempt_of_notice(gateway: str, notice):
	"""The attempt that a callback names; raises NotFound for a stranger."""
	if not (notice.reference or notice.order_id or notice.payment_id):
		raise NotFound(_("The message names no payment."))
	return find_attempt(gateway, notice)


def _worth_settling(attempt, events: list) -> list:
	age = (now_datetime() - get_datetime(attempt.initiated_at)).total_seconds()
	young = age < YOUNG_SECONDS
	return [event for event in events if not (event.outcome is Outcome.NOT_FOUND and young)]


def ranked(attempt, events: list) -> list:
	"""Money that was taken first: it makes a hold beside it unwanted, and no failed try may close the order before it is seen.

	Refunds last, when the money they are of is in the books.
	"""
	return [_about(attempt, event) for event in sorted(events, key=_rank)]


def _rank(event) -> int:
	if isinstance(event, RefundEvent):
		return 3
	return {Outcome.PAID: 0, Outcome.AUTHORIZED: 1}.get(event.outcome, 2)


def _about(attempt, event):
	"""We asked about this attempt, so an answer without a reference, or about its order, is about it."""
	is_of_its_order = bool(event.order_id) and event.order_id == attempt.gateway_order_id
	return event if event.reference and not is_of_its_order else replace(event, reference=attempt.name)
