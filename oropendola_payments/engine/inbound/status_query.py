"""Status queries: query the gateway about an attempt, outside any lock, and settle its answer.

`refresh` queries now, `schedule_refresh` after a delay, and `RefreshRun` many attempts in one sweep.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.engine.core.after_commit import enqueue_once
from oropendola_payments.engine.core.transactions import write_through
from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.gateway.lost_time import LostTime
from oropendola_payments.engine.gateway.mode_guard import is_current_mode, says_nothing
from oropendola_payments.engine.gateway.registry import adapter_of, settings_of
from oropendola_payments.engine.inbound.capture import settle_answer
from oropendola_payments.engine.inbound.withdraw import withdraw_if_unneeded
from oropendola_payments.engine.refunds import notices
from oropendola_payments.engine.settlement.settle import settle_attempt
from oropendola_payments.engine.settlement.types import Settled
from oropendola_payments.exceptions import Conflict, NotFound, Refusal
from oropendola_payments.gateways.base import Gateway, Outcome, PaymentEvent, RefundEvent
from oropendola_payments.gateways.errors import GatewayError

# A gateway may be slow to find an attempt this young, so "not found" is not final yet.
YOUNG_SECONDS = 15 * 60
# Minimum seconds between two queries: for pages and unsigned notices, and for repeated signed messages.
RECENT_SECONDS = 10
GAP_SECONDS = 2
RECONCILER_SECONDS = 60


def refresh(
	attempt: PaymentAttempt | str, *, unless_checked_within: int = 0, adapter: Gateway | None = None
) -> list[Settled]:
	"""Query the gateway about an attempt (a record or its name) and settle its answer.

	`unless_checked_within` is a rate limit in seconds: a refresh that comes too soon is scheduled for the end of the pause.
	"""
	if isinstance(attempt, str):
		attempt = _load(attempt)
	if not is_current_mode(attempt):
		return []  # a Test account does not know a Live payment; query it when the mode is back
	pause = pause_left(attempt, unless_checked_within)
	if pause:
		schedule_refresh(attempt, pause)
		return []
	write_through(_note_check, attempt)
	adapter = adapter or adapter_of(attempt.gateway)
	events = query_status(attempt, adapter)
	settled = settle_all(attempt, _without_premature_not_found(attempt, events), adapter)
	if not polling.has_next_check(attempt):
		_end_polling(attempt)
	return settled


def _load(name: str) -> PaymentAttempt:
	return frappe.get_doc("Payment Attempt", name)


def refresh_if_possible(
	attempt: PaymentAttempt | str, *, unless_checked_within: int = RECENT_SECONDS
) -> list[Settled]:
	"""As `refresh`, but return nothing if the gateway cannot be queried. For callers that can go on with the stored status."""
	try:
		return refresh(attempt, unless_checked_within=unless_checked_within)
	except (GatewayError, Refusal):
		frappe.db.rollback()
		return []


def schedule_refresh(attempt: PaymentAttempt | frappe._dict, seconds: float = RECONCILER_SECONDS) -> None:
	"""Have the gateway queried in `seconds`. `attempt` needs `name` and `next_check_at` only.

	A short delay gets a job of its own, because the reconciler runs once a minute. If the job is lost, the reconciler does it.
	"""
	moment = now_datetime() + timedelta(seconds=seconds)
	if not attempt.next_check_at or get_datetime(attempt.next_check_at) > moment:
		write_through(_set_next_check, attempt.name, moment)
	if seconds <= RECENT_SECONDS:
		enqueue_once(f"{__name__}.refresh_when_due", f"refresh::{attempt.name}", attempt_name=attempt.name)


def refresh_when_due(attempt_name: str) -> None:
	"""Wait for the end of the pause, then refresh, unless another request has done so."""
	attempt = frappe.get_doc("Payment Attempt", attempt_name)
	time.sleep(min(RECENT_SECONDS, seconds_until(attempt.next_check_at)))
	frappe.db.rollback()  # start a new snapshot, to see what others committed while this job waited
	attempt.reload()
	if attempt.next_check_at and not seconds_until(attempt.next_check_at):
		with acting_as("Reconcile"):
			refresh(attempt)


class RefreshRun:
	"""Refreshes for one sweep, with one adapter for each gateway.

	A gateway is skipped until the next sweep after it refused our keys, because repeated calls can lock the account, after its
	outages cost too much time, and where it may not be used at all. What was skipped stays due.
	"""

	def __init__(self) -> None:
		self.adapters: dict[str, Gateway | None] = {}
		self.lost = LostTime()

	def refresh(self, name: str) -> None:
		attempt = _load(name)
		with self.adapter_for(attempt) as adapter:
			if adapter:
				refresh(attempt, adapter=adapter)
				withdraw_if_unneeded(name)

	@contextmanager
	def adapter_for(self, attempt: PaymentAttempt) -> Iterator[Gateway | None]:
		"""The adapter for an attempt, or None if it cannot be queried in this sweep."""
		code = attempt.gateway
		if self.lost.is_too_much(code):
			yield None
			return
		with self.lost.counted(code):
			if code not in self.adapters:
				self.adapters[code] = None  # why there is none, as on a copy of the site, is said once
				self.adapters[code] = adapter_of(code)
			adapter = self.adapters[code]
			yield adapter if adapter and is_current_mode(attempt) else None


def query_status(attempt: PaymentAttempt, adapter: Gateway) -> Sequence[PaymentEvent | RefundEvent]:
	"""Return the gateway's events of an attempt, not settled yet."""
	return call_gateway(attempt.gateway, adapter.status, attempt.payment_ref())


def settle_all(
	attempt: PaymentAttempt, events: Sequence[PaymentEvent | RefundEvent], adapter: Gateway | None = None
) -> list[Settled]:
	"""Settle all events. If one fails, the others are still settled; the first error is raised at the end."""
	settled, failures = [], []
	for event in sort_events(events):
		try:
			if isinstance(event, RefundEvent):
				_record_refund(attempt.gateway, event)
			else:
				settled.append(settle_answer(attempt, event, adapter))
		except Exception as error:
			frappe.db.rollback()
			failures.append(error)
	if failures:
		raise failures[0]
	return settled


def pause_left(attempt: PaymentAttempt | frappe._dict, seconds: int) -> float:
	"""Return the seconds until the last check is `seconds` ago. A time in the future (the clock was set back) does not count."""
	if not attempt.last_check_at:
		return 0
	age = (now_datetime() - get_datetime(attempt.last_check_at)).total_seconds()
	return seconds - age if 0 <= age < seconds else 0


def seconds_until(moment: str | datetime | None) -> float:
	return max(0, (get_datetime(moment) - now_datetime()).total_seconds()) if moment else 0


def sort_events(events: Sequence[PaymentEvent | RefundEvent]) -> list[PaymentEvent | RefundEvent]:
	"""Return the events in the order to settle them.

	Paid first: then an authorization beside it is not captured, and a failed try does not close the order before. Refunds last,
	because their capture must be recorded. A decline comes before the new approval that is captured now. While money is in
	transit, the tries before it are over and say nothing.
	"""
	if any(isinstance(event, PaymentEvent) and event.in_transit for event in events):
		events = [event for event in events if not _is_earlier_try(event)]
	return sorted(events, key=_rank)


def _is_earlier_try(event: PaymentEvent | RefundEvent) -> bool:
	if not isinstance(event, PaymentEvent) or event.in_transit:
		return False
	return event.outcome not in (Outcome.PAID, Outcome.AUTHORIZED)


def _rank(event: PaymentEvent | RefundEvent) -> int:
	if isinstance(event, RefundEvent):
		return 4
	return {Outcome.PAID: 0, Outcome.PENDING: 1, Outcome.AUTHORIZED: 2}.get(event.outcome, 3)


def _record_refund(gateway: str, event: RefundEvent) -> None:
	"""Record a refund from a status query: ours, or one made in the provider's dashboard whose webhook was lost."""
	try:
		notices.record_notice(gateway, event)
	except (NotFound, Conflict):
		frappe.db.rollback()  # not final, or perhaps ours without an id yet: a later query reports it again


def _without_premature_not_found(
	attempt: PaymentAttempt, events: Sequence[PaymentEvent | RefundEvent]
) -> list[PaymentEvent | RefundEvent]:
	is_young = (now_datetime() - get_datetime(attempt.initiated_at)).total_seconds() < YOUNG_SECONDS
	return [
		event
		for event in events
		if not (event.outcome is Outcome.NOT_FOUND and is_young) and not says_nothing(attempt, event)
	]


def _note_check(attempt: PaymentAttempt) -> None:
	attempt.write(
		last_check_at=now_datetime(),
		check_count=cint(attempt.check_count) + 1,
		next_check_at=polling.next_check_during_query(attempt),
	)


def _end_polling(attempt: PaymentAttempt) -> None:
	"""Stop polling an attempt. Expire it if it is still open, and flag money in transit or on hold that was never decided about."""
	attempt.reload()
	if polling.has_next_check(attempt):
		return  # the answer was that money is in transit
	if attempt.is_open():
		is_money = attempt.in_transit or attempt.status == "Authorized"
		at_end = partial(_flag_undecided, attempt) if is_money else None
		settle_attempt(attempt, PaymentEvent(Outcome.EXPIRED, reference=attempt.name), at_end)
	write_through(_set_next_check, attempt.name, None)


def _flag_undecided(attempt: PaymentAttempt, invoice: AIInvoice) -> None:
	message = _(
		"{0} has not decided about payment {1} for {2} days, and the app has stopped asking. Please look at it in the gateway's dashboard."
	)
	gateway = settings_of(attempt.gateway).label
	invoice.flag_for_review(message.format(gateway, attempt.name, polling.TRANSIT_DAYS))


def _set_next_check(name: str, moment: datetime | None) -> None:
	frappe.db.set_value("Payment Attempt", name, "next_check_at", moment, update_modified=False)
