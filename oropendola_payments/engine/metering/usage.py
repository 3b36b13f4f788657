"""Consume quota with an API key, so that concurrent calls cannot exceed it, and say how much is left."""

from typing import Any

import frappe
from frappe import _
from frappe.utils import getdate, now_datetime

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.transactions import tried
from oropendola_payments.engine.metering import credits, known_keys, quota, thresholds
from oropendola_payments.engine.metering.costs import Call
from oropendola_payments.engine.metering.counters import Window
from oropendola_payments.engine.metering.key_check import authenticate
from oropendola_payments.exceptions import BadRequest

MAX_REQUESTS = 100_000
MAX_TOKENS = 100_000_000


def consume(
	api_key: str | None,
	requests: int,
	model: str | None = None,
	input_tokens: int = 0,
	output_tokens: int = 0,
) -> dict:
	"""Consume quota for `requests` calls, all or nothing, and return the balance."""
	call = checked_call(requests, model, input_tokens, output_tokens)
	key, windows = serve(api_key, call)
	return answer(key, windows, call.requests)


def serve(api_key: str | None, call: Call) -> tuple[frappe._dict, list[Window]]:
	"""Check the key and take the call with it. Return the key and the plan's windows."""
	taken = known_keys.take(api_key, call)
	if taken:
		return taken
	key, rows = authenticate(api_key)
	windows = take(key, rows, call)
	known_keys.remember(api_key or "", key)
	return key, windows


def take(
	key: frappe._dict, rows: list[frappe._dict], call: Call, reference: str | None = None
) -> list[Window]:
	"""Take the call from the quota, or else from the customer's credits, and note that the key is in use."""
	windows = tried(_take, key, rows, call, reference)
	if windows is None:
		raise quota.too_many_calls()
	return windows


def _take(key: frappe._dict, rows: list[frappe._dict], call: Call, reference: str | None) -> list[Window]:
	windows = credits.take(key, rows, call, reference)
	_note_use(key)
	return windows


def checked_call(requests: int, model: str | None, input_tokens: int, output_tokens: int) -> Call:
	if not 1 <= requests <= MAX_REQUESTS:
		raise BadRequest(_("requests must be between 1 and {0}.").format(MAX_REQUESTS))
	for tokens in (input_tokens, output_tokens):
		if not 0 <= tokens <= MAX_TOKENS:
			raise BadRequest(_("Tokens must be between 0 and {0}.").format(MAX_TOKENS))
	return Call(requests, model, input_tokens, output_tokens)


def answer(key: frappe._dict, windows: list[Window], taken: int) -> dict:
	"""Return what is left after `taken` requests, for the caller and for the RateLimit headers."""
	taken = 0 if credits.paid(key) else taken
	left, reset_on = quota.day_after(key, taken)
	ends = {"key_valid_until": key.valid_until} if key.key_status == "Retiring" else {}
	shown = {"windows": [window.summary() for window in windows]} if windows else {}
	set_rate_limit(key, windows, left, reset_on)
	thresholds.note_day(key, left, taken, getdate(reset_on))
	thresholds.note_windows(key.subscription, key.user, windows)
	return {"allowed": True, "remaining": left, "reset_on": reset_on, **shown, **credits.shown(key), **ends}


def set_rate_limit(key: frappe._dict, windows: list[Window], left: int, reset_on: Any) -> None:
	"""Leave the figures for the RateLimit headers, which are set when the answer is sent."""
	day = (
		[("requests-day", key.daily_quota_limit, 86_400, left, quota.seconds_to(reset_on))]
		if left != -1
		else []
	)
	now = now_datetime()
	rows = day + [
		(w.slug.replace(":", "-"), w.allowance, w.length(), w.left(), w.seconds_left(now)) for w in windows
	]
	frappe.local.flags.payments_rate_limit = rows


def _note_use(key: frappe._dict) -> None:
	"""Store the date of use. At most one write a day, which is enough to see which keys are in use."""
	if key.last_used_on != today():
		frappe.db.sql("UPDATE `tabAI API Key` SET last_used_on = %s WHERE name = %s", (today(), key.name))
		key.last_used_on = today()
