"""Offers: what a customer, or an agent, can buy when a call is refused for lack of quota, or soon will be.

A window that is used up is free again by itself, so the refusal stays 429 with a time; what has ended needs a payment, so it is 402.
Both say in `offer` what helps now, and where to pay for it.
"""

from collections.abc import Callable
from decimal import Decimal
from urllib.parse import quote

import frappe
from frappe.utils import cint, get_url

from oropendola_payments.ai_billing.current import current, current_rows
from oropendola_payments.engine.metering.counters import DAY
from oropendola_payments.engine.tax.quote import includes_tax
from oropendola_payments.engine.top_ups import packs
from oropendola_payments.exceptions import PaymentRequired, QuotaUsedUp, Refusal
from oropendola_payments.money import to_decimal

SUGGEST_FROM = Decimal("0.8")
SPEED = (":minute", ":hour")


def offering(use: Callable[..., dict], *arguments: object) -> dict:
	"""Return what `use` of an API key returns. A refusal gets an offer, and an answer near the end of the quota a suggestion."""
	try:
		answer = use(*arguments)
	except (QuotaUsedUp, PaymentRequired) as refusal:
		refusal.offer = _offer_for(refusal)
		raise
	suggestion = _suggestion()
	return {**answer, "suggestion": suggestion} if suggestion else answer


def _offer_for(refusal: Refusal) -> dict | None:
	key = frappe.local.flags.payments_key
	if not key:
		return None
	if isinstance(refusal, QuotaUsedUp):
		return for_window(key, refusal.window)
	return _resume() if refusal.reason == "subscription_paused" else _renew(key)


def _suggestion() -> dict | None:
	"""Return an offer when 80 % of a day or a longer window are used and no credits wait. Costs no SQL statement."""
	key, limits = frappe.local.flags.payments_key, frappe.local.flags.payments_rate_limit or ()
	if not key or cint(key.credits):
		return None
	long = [row for row in limits if row[2] >= DAY and row[1] > 0]
	used = {name: 1 - to_decimal(left) / limit for name, limit, _length, left, _seconds in long}
	name = max(used, key=lambda one: used[one], default=None)
	if name is None or used[name] < SUGGEST_FROM:
		return None
	offer = for_window(key, name.replace("-", ":"))
	return (
		{"window": name.replace("-", ":"), "used_percent": int(used[name] * 100), **offer} if offer else None
	)


# Offers -------------------------------------------------------------------------------------------


def for_window(key: frappe._dict, window: str) -> dict | None:
	"""Return the offer for a window that is used up: a pack of credits, with a bigger plan beside it, or the plan alone.

	Credits do not make calls faster, so for a minute or an hour only a bigger plan helps.
	"""
	pack = None if window.endswith(SPEED) else _cheapest_pack(key)
	plan = _bigger_plan(key, window)
	if not pack:
		return plan
	return {**pack, "alternatives": [plan] if plan else []}


def _cheapest_pack(key: frappe._dict) -> dict | None:
	rows = packs.on_sale(plan=key.plan)
	in_currency = [row for row in rows if key.currency in packs.prices_of(row)]
	row = next(iter(in_currency or rows), None)
	if not row:
		return None
	prices = packs.prices_of(row)
	currency = key.currency if key.currency in prices else row.currency
	return {
		"code": "buy_credits",
		"pack_id": row.name,
		"name": row.pack_name,
		"credits": cint(row.units),
		"valid_days": cint(row.validity_days) or None,
		**_priced(prices[currency], currency),
		"url": get_url(f"/credits?pack={quote(row.name)}"),
	}


def _priced(price: Decimal, currency: str) -> dict:
	return {"price": price, "currency": currency, "price_includes_tax": includes_tax(currency)}


def _bigger_plan(key: frappe._dict, window: str) -> dict | None:
	"""Return the cheapest plan with the same interval that allows more in this window."""
	mine = current("AI Plan", key.plan)
	currency = key.currency or mine.currency
	least = allowance(mine, window)
	interval = (mine.billing_interval, cint(mine.interval_count))
	bigger = [
		row
		for row in current_rows("AI Plan")
		if cint(row.is_active)
		and row.name != mine.name
		and not cint(row.is_free)
		and currency in packs.prices_of(row)
		and (row.billing_interval, cint(row.interval_count)) == interval
		and allowance(row, window) > least
	]
	row = min(bigger, key=lambda one: (packs.prices_of(one)[currency], one.name), default=None)
	return _plan_offer("change_plan", row, currency, _change_address(row, key)) if row else None


def allowance(plan: frappe._dict, window: str) -> float:
	"""Return how much a plan allows in a window; infinite if it has no such limit."""
	if window == "requests:day":
		days = [cint(plan.requests_limit_per_day)] if cint(plan.requests_limit_per_day) else []
	else:
		days = []
	meter, _colon, name = window.partition(":")
	rows = [
		cint(row.allowance)
		for row in plan.limits
		if (row.meter.lower(), row.time_window.lower()) == (meter, name)
	]
	return min([*days, *rows], default=float("inf"))


def _change_address(row: frappe._dict, key: frappe._dict) -> str:
	return get_url(f"/change-plan?plan={quote(row.name)}&subscription={quote(key.subscription)}")


def _plan_offer(code: str, plan: frappe._dict, currency: str, url: str) -> dict:
	return {
		"code": code,
		"plan_id": plan.name,
		"name": plan.plan_name,
		**_priced(packs.prices_of(plan)[currency], currency),
		"url": url,
	}


def _renew(key: frappe._dict) -> dict | None:
	"""Return the offer for a subscription that has ended: its next period."""
	plan = current("AI Plan", key.plan)
	if not cint(plan.is_active) or cint(plan.is_free):
		return {"code": "choose_plan", "url": get_url("/plans")}
	prices = packs.prices_of(plan)
	currency = key.currency if key.currency in prices else plan.currency
	return _plan_offer("renew_subscription", plan, currency, get_url("/billing"))


def _resume() -> dict:
	return {"code": "resume_subscription", "url": get_url("/billing")}
