"""Close a reservation: settle it with what the call really used, or release it. Also after it has expired.

Repeating it changes nothing. A settle that says more than what closed the reservation before is booked too.
"""

import json
from typing import Any

import frappe
from frappe import _
from frappe.utils import getdate, now_datetime

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.doctype.ai_usage_entry.ai_usage_entry import add_entry, closing_step
from oropendola_payments.ai_billing.periods import add_interval
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.entitlements.windows import term_of
from oropendola_payments.engine.metering import counters, credits, quota, thresholds, usage
from oropendola_payments.engine.metering.costs import Call, costs_afterwards
from oropendola_payments.engine.metering.key_check import identify, may_still_close
from oropendola_payments.engine.usage_ledger.records import Event, find, hold_no_more, require_event_id
from oropendola_payments.engine.wallet.draw import draw_up_to, give_back
from oropendola_payments.exceptions import Conflict, NotFound, Refusal, Unprocessable


def settle(
	api_key: str | None, event_id: str, input_tokens: int, output_tokens: int, requests: int | None = None
) -> dict:
	"""Book what a reserved call really used. More tokens than reserved count too, even above the limits."""
	usage.checked_call(1, None, input_tokens, output_tokens)
	return _close(api_key, "Settle", event_id, (requests, input_tokens, output_tokens))


def release(api_key: str | None, event_id: str) -> dict:
	"""Give a reservation back, because the call used nothing."""
	return _close(api_key, "Release", event_id, (0, 0, 0))


def _close(api_key: str | None, kind: str, event_id: str, amounts: tuple[int | None, int, int]) -> dict:
	require_event_id(event_id)
	key, refusal = identify(api_key)
	return in_transaction(_close_locked, key, refusal, kind, event_id, amounts)


def _close_locked(
	key: frappe._dict,
	refusal: Refusal | None,
	kind: str,
	event_id: str,
	amounts: tuple[int | None, int, int],
) -> dict:
	subscription = lock("AI Subscription", key.subscription)
	event = find(subscription.name, event_id)
	if refusal and not (event and may_still_close(key, refusal, event.opening.api_key)):
		raise refusal
	if not event:
		message = _(
			"There is no reservation {0}. Please reserve before the call, or send its use with usage.consume."
		)
		raise NotFound(message.format(event_id))
	call = _real_call(event, amounts)
	_require_reservation(event)
	real = _what_it_says_more(event, kind, call) if event.closing else call
	if not real:
		return event.summary()
	_book(key, subscription, event, event_id, kind, real)
	closed = find(subscription.name, event_id)
	return closed.summary() if closed else {}


def _real_call(event: Event, amounts: tuple[int | None, int, int]) -> Call:
	requests, input_tokens, output_tokens = amounts
	reserved = int(event.opening.requests)
	real = reserved if requests is None else requests
	if not 0 <= real <= reserved:
		message = _("{0} requests were reserved, so {1} cannot have been used.")
		raise Unprocessable(message.format(reserved, real))
	return Call(real, event.opening.model, input_tokens, output_tokens)


def _require_reservation(event: Event) -> None:
	if event.opening.kind != "Reserve":
		message = _("The event {0} was consumed, not reserved. There is nothing to settle or release.")
		raise Conflict(message.format(event.opening.event_id), reason="event_consumed")


def _what_it_says_more(event: Event, kind: str, call: Call) -> Call | None:
	"""Return the call to book for an event that is closed already, or None if this says the same. Raises Conflict if it says less.

	Customers have the key, so one who learns an event ID can release the event, or settle it with too little, before its owner.
	What is said later only counts if it speaks against the customer.
	"""
	known = tuple(event.total(field) for field in ("requests", "input_tokens", "output_tokens"))
	said = (call.requests, call.input_tokens, call.output_tokens)
	if kind == "Release" and event.state == "settled":
		message = _("The reservation {0} was settled before.")
		raise Conflict(message.format(event.opening.event_id), reason="event_settled")
	requests, input_tokens, output_tokens = map(max, known, said)
	if (requests, input_tokens, output_tokens) != known:
		return Call(requests, call.model, input_tokens, output_tokens)
	if said != known:
		message = _(
			"The reservation {0} was settled before with other figures: {1} requests, {2} input tokens, {3} output tokens."
		)
		raise Conflict(message.format(event.opening.event_id, *known), reason="event_differs")
	return None


# Books --------------------------------------------------------------------------------------------


def _book(
	key: frappe._dict, subscription: AISubscription, event: Event, event_id: str, kind: str, call: Call
) -> None:
	first = event.opening
	changes = _changes(event, call, kind)
	above = _correct_quota(subscription, first, changes)
	add_entry(
		frappe._dict(key, plan=first.plan, source=first.source),
		kind,
		first.event_id,
		closing_step(len(event.closings)),
		day=getdate(first.day),
		named=event_id,
		requests=changes["Requests"],
		input_tokens=call.input_tokens - event.total("input_tokens"),
		output_tokens=call.output_tokens - event.total("output_tokens"),
		units=changes["Units"],
		model=first.model,
		overdraft=int(above),
	)
	if first.holds_credits:
		hold_no_more(first.name)


def _changes(event: Event, call: Call, kind: str) -> dict[str, int]:
	"""Return by meter what the call used more than is booked: as it was reserved, or nothing after a lapse."""
	tokens = call.input_tokens + call.output_tokens
	return {
		"Requests": call.requests - event.total("requests"),
		"Tokens": tokens - event.total("input_tokens") - event.total("output_tokens"),
		"Units": _real_units(event.opening, call, kind) - event.total("units"),
	}


def _real_units(first: frappe._dict, call: Call, kind: str) -> int:
	"""Return what the call costs at the prices of the plan that it began under; as reserved if it does not name the model any more."""
	if kind == "Release":
		return 0
	costs = costs_afterwards(call, current("AI Plan", first.plan).models)
	return costs["Units"] if costs else int(first.units)


def _correct_quota(subscription: AISubscription, first: frappe._dict, changes: dict[str, int]) -> bool:
	"""Count the difference in the day and the windows of the reservation that still run. Return whether a limit is passed."""
	if first.source == credits.CREDITS:
		return _correct_credits(subscription, first, changes["Units"])
	if subscription.status not in quota.SERVED:
		return False
	if changes["Requests"]:
		reset_on = add_interval(getdate(first.day), "Day", 1)
		quota.give_back(subscription.name, -changes["Requests"], reset_on)
	ends = json.loads(first.windows or "{}")
	windows = [window for window in _windows(subscription) if window.key in ends]
	same = [window for window in windows if window.is_still(ends[window.key])]
	counters.correct(subscription.name, same, changes)
	thresholds.note_windows(subscription.name, subscription.user, same)
	return any(changes[window.meter] > 0 and window.used > window.limit for window in same)


def _correct_credits(subscription: AISubscription, first: frappe._dict, units: int) -> bool:
	"""Give unused credits back to the customer's wallet, or take more. Return whether there were not enough."""
	if units <= 0:
		give_back(subscription.user, first.name, -units)
		return False
	return draw_up_to(subscription.user, first.plan, units, subscription.name, first.name) < units


def _windows(subscription: Any) -> list[counters.Window]:
	plan = current("AI Plan", subscription.plan)
	term = term_of(subscription, plan)
	return counters.windows_now(subscription.name, plan.limits, term, now_datetime())
