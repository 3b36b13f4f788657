"""Leases: a caller takes a slice of the quota, spends it without asking, and reports what it used.

A lease is taken from the quota when it is granted, so all callers together cannot pass a limit, whatever happens to them. What is
reported as unspent is given back once, while the windows of the grant still run. A caller that never reports costs its customer
at most what it held. Credits are money, so they go back at any time, at the price for which they were taken, and also if nobody reports.
"""

import hashlib
import json
from datetime import date, datetime, timedelta
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, getdate, now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.credit_units import in_credits
from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_usage_entry.ai_usage_entry import add_entry
from oropendola_payments.ai_billing.doctype.ai_usage_lease.ai_usage_lease import AIUsageLease
from oropendola_payments.ai_billing.periods import midnight, tomorrow
from oropendola_payments.engine.core.transactions import in_transaction, lock, read
from oropendola_payments.engine.entitlements.windows import term_of
from oropendola_payments.engine.metering import counters, credits, quota, thresholds, usage
from oropendola_payments.engine.metering.costs import Call, costs_of, plain_name
from oropendola_payments.engine.metering.counters import Window
from oropendola_payments.engine.metering.key_check import authenticate, identify, may_still_close
from oropendola_payments.engine.wallet.draw import draw_up_to, give_back
from oropendola_payments.exceptions import BadRequest, Conflict, NotFound, Refusal, Unprocessable

LEASE = "AI Usage Lease"
LONGEST_SECONDS = 60
LOCKED = ("plan", "daily_quota_limit", "daily_quota_remaining", "quota_reset_on")
NAME_LENGTH = 32  # whoever knows the name can settle the lease


def grant(
	api_key: str | None,
	requests: int,
	seconds: int,
	model: str | None,
	holder: str | None,
	idempotency_key: str | None,
) -> dict:
	"""Take up to `requests` from the quota for `seconds`, at least 1. The same idempotency key gives the same lease."""
	if not 1 <= seconds <= LONGEST_SECONDS:
		raise BadRequest(_("seconds must be between 1 and {0}.").format(LONGEST_SECONDS))
	usage.checked_call(requests, model, 0, 0)
	key, rows = authenticate(api_key)
	known = idempotency_key and _known(key.subscription, idempotency_key)
	if known:
		return _summary(known)
	name = frappe.generate_hash(length=NAME_LENGTH)
	# Before it is counted: what was taken at midnight is never given back to a day that did not count it.
	day_ends = tomorrow()
	call, windows = _take_what_is_free(key, rows, requests, model, name)
	try:
		lease = _insert(name, key, call, windows, day_ends, seconds, holder, idempotency_key)
	except frappe.DuplicateEntryError:
		frappe.db.rollback()  # the same request came twice at once: give nothing twice
		return _summary(_known(key.subscription, idempotency_key or ""))
	return {**_summary(lease), **_left(key, windows, call.requests)}


def settle(api_key: str | None, name: str, spent: int, close: bool = True) -> dict:
	"""Report how much of a lease was spent in all. Closing it gives the rest back, once, while its windows still run.

	A later report of more is taken again: the lease may have lapsed, or a customer, who has the key, closed it before its holder did.
	"""
	key, refusal = identify(api_key)
	return in_transaction(_settle_locked, key, refusal, name, spent, close)


def _settle_locked(key: frappe._dict, refusal: Refusal | None, name: str, spent: int, close: bool) -> dict:
	lease = _own(key, refusal, name)
	if not 0 <= spent <= lease.granted:
		message = _("The lease holds {0} requests, so {1} cannot have been spent.")
		raise Unprocessable(message.format(lease.granted, spent))
	if spent < lease.spent:
		message = _("{0} requests of this lease were already reported as spent.")
		raise Conflict(message.format(lease.spent), reason="lease_reported")
	if lease.status == "Closed":
		return _settle_late(key, lease, spent)
	_book(key, lease, spent)
	if close:
		_close(key, lease, spent)
	else:
		lease.write(spent=spent)
	return _summary(lease)


def _book(key: frappe._dict, lease: AIUsageLease, spent: int, overdraft: bool = False) -> None:
	"""Add to the ledger what this report says more than the last one. Totals only rise, so each names its row."""
	news = spent - cint(lease.spent)
	if not news:
		return
	add_entry(
		frappe._dict(
			key, plan=lease.plan or key.plan, source=credits.CREDITS if lease.credit_units else None
		),
		"Lease",
		lease.name,
		f"lease:{spent}",
		day=getdate(lease.quota_day) - timedelta(days=1),
		requests=news,
		units=_units(lease, spent),
		model=plain_name(lease.model or "") or None,
		overdraft=int(overdraft),
	)


def _units(lease: AIUsageLease, spent: int) -> int:
	"""Return what the requests cost that were not reported before: their share of what was taken."""
	if lease.credit_units:
		return lease.price_of(spent) - lease.price_of(cint(lease.spent))
	return lease.costs_between(cint(lease.spent), spent).get("Units", 0)


# Granting -----------------------------------------------------------------------------------------


def _take_what_is_free(
	key: frappe._dict, rows: list[frappe._dict], wanted: int, model: str | None, name: str
) -> tuple[Call, list[Window]]:
	"""Take what is wanted, or less if it is not free. Other callers must be able to get something too."""
	plan, now = current("AI Plan", key.plan), now_datetime()
	windows = counters.windows_from(rows, key.subscription, plan.limits, term_of(key, plan), now)
	costs = costs_of(Call(1, model), plan.models)
	free = min(
		[_free_today(key), *(w.remaining // costs[w.meter] for w in windows if costs[w.meter])],
		default=wanted,
	)
	if free <= 0:
		free = _free_by_credits(key, windows, costs)
	share = max(1, free // (2 * _open_leases(key.subscription, now)))
	call = Call(min(wanted, share), model)
	return call, usage.take(key, rows, call, reference=name)


def _free_by_credits(key: frappe._dict, windows: list[Window], costs: dict[str, int]) -> int:
	"""Return how many requests the customer's credits pay for, as fast as the plan allows."""
	if not costs["Units"]:
		return 0
	speed = [w.remaining // costs[w.meter] for w in windows if w.name in credits.SPEED and costs[w.meter]]
	return min([int(key.credits or 0) // costs["Units"], *speed])


def _free_today(key: frappe._dict) -> int:
	if key.daily_quota_limit == -1:
		return usage.MAX_REQUESTS
	return quota.left_today(key)


def _open_leases(subscription: str, now: datetime) -> int:
	filters = {"subscription": subscription, "status": "Open", "expires_at": (">", now)}
	return max(1, frappe.db.count(LEASE, filters))


def _insert(
	name: str,
	key: frappe._dict,
	call: Call,
	windows: list[Window],
	day_ends: date,
	seconds: int,
	holder: str | None,
	idempotency_key: str | None,
) -> AIUsageLease:
	now = now_datetime()
	ends = min([midnight(day_ends), *(window.ends_at for window in windows)])
	lease = records.new("AI Usage Lease")
	lease.update(
		{
			"name": name,
			"subscription": key.subscription,
			"api_key": key.name,
			"holder": holder,
			"status": "Open",
			"granted": call.requests,
			"spent": 0,
			"given_back": 0,
			"credit_units": key.credits_used if credits.paid(key) else 0,
			"model": call.model,
			"plan": key.plan,
			"taken": json.dumps(costs_of(call, current("AI Plan", key.plan).models)),
			"windows": json.dumps({window.key: str(window.ends_at) for window in windows}),
			"quota_day": day_ends,
			"expires_at": min(now + timedelta(seconds=seconds), ends),
			"windows_end_at": ends,
			"idempotency_key": _stored(key.subscription, idempotency_key) if idempotency_key else None,
		}
	)
	lease.add()
	return lease


def _known(subscription: str, idempotency_key: str) -> Any:
	name = frappe.db.get_value(LEASE, {"idempotency_key": _stored(subscription, idempotency_key)}, "name")
	return frappe.get_doc(LEASE, name) if name else None


def _stored(subscription: str, idempotency_key: str) -> str:
	"""Return what is stored of an idempotency key. A hash, because a column of text ignores case and accents."""
	return hashlib.sha256(f"{subscription}\n{idempotency_key}".encode()).hexdigest()


# Settling -----------------------------------------------------------------------------------------


def _own(key: frappe._dict, refusal: Refusal | None, name: str) -> AIUsageLease:
	"""Return the locked lease. The subscription is locked first, as when a lease is granted."""
	locked = lock("AI Subscription", key.subscription)
	key.update({field: locked.get(field) for field in LOCKED})
	key.has_service = locked.status in quota.SERVED
	found = read(LEASE, "`name` = %s AND `subscription` = %s FOR UPDATE", (name, key.subscription))
	if refusal and not (found and may_still_close(key, refusal, found[0].api_key)):
		raise refusal
	if not found:
		raise NotFound(_("There is no lease {0}.").format(name))
	return found[0]


def _close(key: frappe._dict, lease: AIUsageLease, spent: int) -> None:
	unspent = lease.granted - spent
	if lease.credit_units:
		lease.mark_as_closed(spent, unspent, _give_credits_back(key.user, lease, spent))
	else:
		lease.mark_as_closed(spent, _give_quota_back(key, lease, unspent))


def _give_quota_back(key: frappe._dict, lease: AIUsageLease, unspent: int) -> int:
	"""Return how much was given back: all of it, or nothing once a window of the grant or the service has ended."""
	now = now_datetime()
	if not unspent or not key.has_service or get_datetime(lease.windows_end_at) <= now:
		return 0
	unused = lease.costs_between(lease.granted - unspent, lease.granted)
	quota.give_back(lease.subscription, unspent, getdate(lease.quota_day))
	changes = {meter: -cost for meter, cost in unused.items()}
	counters.correct(lease.subscription, _windows_of(key, lease, now), changes)
	return unspent


def _windows_of(key: frappe._dict, lease: AIUsageLease, now: datetime) -> list[Window]:
	"""Return the windows in which the lease was counted and that still run."""
	plan, ends = current("AI Plan", key.plan), json.loads(lease.windows or "{}")
	windows = counters.windows_now(lease.subscription, plan.limits, term_of(key, plan), now)
	return [window for window in windows if window.key in ends and window.is_still(ends[window.key])]


def _give_credits_back(user: str, lease: AIUsageLease, spent: int) -> int:
	"""Give back the unspent share of the credits, whatever the plan costs by now, at any time. Return how much it was."""
	units = lease.credit_units - lease.price_of(spent)
	return give_back(user, lease.name, units) if units else 0


# Lapsing ------------------------------------------------------------------------------------------


def lapse(name: str) -> bool:
	"""Close a lease that nobody has closed, and give back the credits that were not reported as spent."""
	return in_transaction(_lapse_locked, frappe.db.get_value(LEASE, name, "subscription"), name)


def _lapse_locked(subscription: str, name: str) -> bool:
	user = lock("AI Subscription", subscription).user
	lease: AIUsageLease = lock(LEASE, name)
	if lease.status != "Open" or not lease.credit_units:
		return False
	spent = cint(lease.spent)
	back = _give_credits_back(user, lease, spent)
	return lease.mark_as_closed(spent, lease.granted - spent, back, lapsed_on=now_datetime())


# Late reports -------------------------------------------------------------------------------------


def _settle_late(key: frappe._dict, lease: AIUsageLease, spent: int) -> dict:
	"""Take again what went back too early, as far as it is there, if more was spent than the lease was closed with."""
	if spent > cint(lease.spent):
		take_again = _take_credits_again if lease.credit_units else _take_quota_again
		take_again(key, lease, spent)
	return _summary(lease)


def _take_credits_again(key: frappe._dict, lease: AIUsageLease, spent: int) -> None:
	price, plan = lease.price_of(spent) - lease.price_of(cint(lease.spent)), lease.plan or key.plan
	drawn = draw_up_to(key.user, plan, price, lease.subscription, lease.name) if price else 0
	_book(key, lease, spent, overdraft=drawn < price)
	left = {"given_back": lease.granted - spent, "credits_back": cint(lease.credits_back) - drawn}
	lease.write(spent=spent, **left)


def _take_quota_again(key: frappe._dict, lease: AIUsageLease, spent: int) -> None:
	"""What did not go back, because a window had ended, is counted already."""
	if not lease.given_back:
		_book(key, lease, spent)
		lease.write(spent=spent)
		return
	overdraft = _count_again(key, lease, spent) if key.has_service else False
	_book(key, lease, spent, overdraft)
	lease.write(spent=spent, given_back=lease.granted - spent)


def _count_again(key: frappe._dict, lease: AIUsageLease, spent: int) -> bool:
	"""Count it in the day and the windows of the grant that still run. Return whether a limit is passed."""
	changes = lease.costs_between(cint(lease.spent), spent)
	is_above = _is_above_the_day(key, lease, changes["Requests"])
	quota.give_back(lease.subscription, -changes["Requests"], getdate(lease.quota_day))
	windows = _windows_of(key, lease, now_datetime())
	counters.correct(lease.subscription, windows, changes)
	thresholds.note_windows(lease.subscription, key.user, windows)
	return is_above or any(changes.get(w.meter, 0) > 0 and w.used > w.limit for w in windows)


def _is_above_the_day(key: frappe._dict, lease: AIUsageLease, requests: int) -> bool:
	is_same_day = getdate(key.quota_reset_on) == getdate(lease.quota_day)
	return is_same_day and key.daily_quota_limit != -1 and requests > key.daily_quota_remaining


# Answers ------------------------------------------------------------------------------------------


def _summary(lease: AIUsageLease) -> dict:
	now = now_datetime()
	credits_back = {"credits_given_back": in_credits(cint(lease.credits_back))} if lease.credit_units else {}
	return {
		"lease": lease.name,
		"status": lease.status,
		"granted": cint(lease.granted),
		"spent": cint(lease.spent),
		"given_back": cint(lease.given_back),
		"expires_in": max(0, int((get_datetime(lease.expires_at) - now).total_seconds())),
		"window_ends_in": max(0, int((get_datetime(lease.windows_end_at) - now).total_seconds())),
		**credits_back,
	}


def _left(key: frappe._dict, windows: list[Window], taken: int) -> dict:
	full = usage.answer(key, windows, taken)
	return {name: full[name] for name in ("remaining", "reset_on", "windows", "credits") if name in full}
