"""Use and reserve quota under an event ID: the same call again counts nothing and gets the same answer."""

import json
from datetime import timedelta
from typing import Any

import frappe
from frappe import _
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_usage_entry.ai_usage_entry import OPENING, add_entry, name_of
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.plain_text import line_without_tags
from oropendola_payments.engine.metering import credits, usage
from oropendola_payments.engine.metering.costs import Call, costs_of, plain_name
from oropendola_payments.engine.metering.counters import Window
from oropendola_payments.engine.metering.key_check import authenticate
from oropendola_payments.engine.usage_ledger.records import Event, find, require_event_id, shown_units
from oropendola_payments.engine.usage_ledger.standing import windows_of
from oropendola_payments.exceptions import BadRequest, Conflict, Refusal

DAY_SECONDS = 86_400


def consume(
	api_key: str | None,
	requests: int,
	model: str | None = None,
	input_tokens: int = 0,
	output_tokens: int = 0,
	event_id: str | None = None,
) -> dict:
	"""Consume quota. With an event ID a repeated call is counted once, and the ledger keeps it."""
	if event_id is None:
		return usage.consume(api_key, requests, model, input_tokens, output_tokens)
	call = usage.checked_call(requests, model, input_tokens, output_tokens)
	return _once(api_key, "Use", call, event_id)


def reserve(
	api_key: str | None,
	event_id: str,
	requests: int,
	model: str | None,
	input_tokens: int,
	output_tokens: int,
	seconds: int,
) -> dict:
	"""Take what a call will use at most. `settle` says later what it used, `release` that it used nothing."""
	if not 1 <= seconds <= DAY_SECONDS:
		raise BadRequest(_("seconds must be between 1 and {0}.").format(DAY_SECONDS))
	call = usage.checked_call(requests, model, input_tokens, output_tokens)
	return _once(api_key, "Reserve", call, event_id, seconds)


def _once(api_key: str | None, kind: str, call: Call, event_id: str, seconds: int = 0) -> dict:
	"""Take the call and book it in one transaction. Taking it again fails with the unique key of the row."""
	require_event_id(event_id)
	key, rows = authenticate(api_key)
	day = today()  # before it is counted: a call at midnight is never booked on a day that did not count it
	try:
		windows = usage.take(key, rows, call, name_of(key.subscription, event_id, OPENING))
		reservation = _reservation(key, seconds, windows) if kind == "Reserve" else {}
		_book(key, kind, call, event_id, day=day, **reservation)
	except (frappe.DuplicateEntryError, Refusal) as error:
		frappe.db.rollback()
		return _repeated(api_key, kind, call, event_id, error)
	answer = usage.answer(key, windows, call.requests)
	return {**answer, **_figures(key, call, event_id, kind, seconds)}


def _book(key: frappe._dict, kind: str, call: Call, event_id: str, **values: Any) -> None:
	add_entry(
		key,
		kind,
		event_id,
		OPENING,
		requests=call.requests,
		input_tokens=call.input_tokens,
		output_tokens=call.output_tokens,
		units=_units(key, call),
		model=_model(call),
		**values,
	)


def _reservation(key: frappe._dict, seconds: int, windows: list[Window]) -> dict:
	ends = {window.key: str(window.ends_at) for window in windows}
	return {
		"expires_at": now_datetime() + timedelta(seconds=seconds),
		"windows": json.dumps(ends) if ends else None,
		"holds_credits": int(credits.paid(key)),
	}


def _units(key: frappe._dict, call: Call) -> int:
	return costs_of(call, current("AI Plan", key.plan).models)["Units"]


def _model(call: Call) -> str | None:
	return line_without_tags(plain_name(call.model or "")) or None


def _figures(key: frappe._dict, call: Call, event_id: str, kind: str, seconds: int) -> dict:
	state = {"state": "reserved", "expires_in": seconds} if kind == "Reserve" else {"state": "used"}
	return {"event_id": event_id, **state, "units": shown_units(_units(key, call))}


# The same event again -----------------------------------------------------------------------------


def _repeated(api_key: str | None, kind: str, call: Call, event_id: str, error: Exception) -> dict:
	"""Return the answer of the first call, with what is left now. `error` if there was no first call."""
	key, rows = authenticate(api_key)
	event = find(key.subscription, event_id)
	if not event:
		raise error
	_require_same(event, kind, call)
	answer = usage.answer(key, windows_of(key, rows), 0)
	return {**answer, **event.figures()}


def _require_same(event: Event, kind: str, call: Call) -> None:
	first = event.opening
	known = (first.kind, first.requests, first.input_tokens, first.output_tokens, first.model or None)
	if known == (kind, call.requests, call.input_tokens, call.output_tokens, _model(call)):
		return
	message = _(
		"The event {0} was sent before with other figures: {1} requests, {2} input tokens, {3} output tokens, model {4}. Please use a new event ID for each call."
	)
	raise Conflict(
		message.format(
			first.event_id, first.requests, first.input_tokens, first.output_tokens, first.model or "-"
		),
		reason="event_differs",
	)
