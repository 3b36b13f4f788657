"""Usage page: what a subscription used per day, API key and model, and how much of its limits is left.

Five statements find it, however much it is.
"""

from datetime import timedelta
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.urls import api_url
from oropendola_payments.engine.entitlements.windows import TERM_FIELDS
from oropendola_payments.engine.metering import counters
from oropendola_payments.engine.metering.counters import METERS, NAMES
from oropendola_payments.engine.usage_ledger import history, standing
from oropendola_payments.engine.usage_ledger.history import AMOUNTS, Period
from oropendola_payments.web import shell, words

no_cache = 1
sitemap = 0
PERIODS = (7, 30, 90)
MOST_ROWS = 50
FIELDS = (
	*("name", "plan", "status", "is_default", *TERM_FIELDS),
	*("daily_quota_limit", "daily_quota_remaining", "quota_reset_on"),
)


def get_context(context):
	page = shell.open_page(context, _("Usage"), here="billing")
	found = subscriptions_of(shell.require_login())
	wanted = shell.query_param("subscription")
	mine = next((one for one in found if one.name == wanted), None) if wanted else next(iter(found), None)
	if wanted and not mine:
		return shell.not_found(
			context, _("There is no such subscription"), _("Please choose one on the billing page.")
		)
	days = cint(shell.query_param("days"))
	days = days if days in PERIODS else 30
	context.update({"view": "usage", "mine": None, "days": days, "periods": PERIODS})
	if mine:
		asked = Period(mine.name, today() - timedelta(days=days - 1), today())
		address = f"subscription.download_usage?subscription_id={mine.name}&from_date={asked.first}&to_date={asked.last}"
		context.update({"mine": shown(mine, asked), "download": api_url(address)})
		context.update({"subscriptions": [one.name for one in found]})
	page.title = _("Usage")


# What is shown ------------------------------------------------------------------------------------


def subscriptions_of(user: str) -> list[frappe._dict]:
	"""Return the customer's subscriptions with the names of their keys: the default one first, then the latest."""
	table, key = frappe.qb.DocType("AI Subscription"), frappe.qb.DocType("AI API Key")
	query = frappe.qb.from_(table).left_join(key).on(key.subscription == table.name).where(table.user == user)
	query = query.select(
		*(table[field] for field in FIELDS), key.name.as_("key"), key.key_name, key.key_prefix
	)
	rows = query.orderby(table.is_default, order=frappe.qb.desc).orderby(table.name, order=frappe.qb.desc)
	found: dict[str, frappe._dict] = {}
	for row in rows.run(as_dict=True):
		mine = found.setdefault(row.name, frappe._dict({field: row[field] for field in FIELDS}, keys={}))
		mine["keys"][row.key] = row.key_name or row.key_prefix or row.key
	return list(found.values())


def shown(mine: frappe._dict, asked: Period) -> dict:
	"""Return what the page shows of one subscription."""
	by_day = asked.used("day")
	most = max((row.requests for row in by_day), default=0)
	return {
		"id": mine.name,
		"plan": words.translated(current("AI Plan", mine.plan).plan_name),
		"limits": [_limit(limit) for limit in _limits(mine)],
		"days": [
			{**_amounts(row), "day": words.day(row.day), "requests_raw": max(0, row.requests)}
			for row in by_day
		],
		"most": max(1, most),
		"total": _amounts(history.total(by_day)),
		"keys": [
			{**_amounts(row), "name": mine["keys"].get(row.api_key) or _("Deleted key")}
			for row in asked.used("key", MOST_ROWS)
		],
		"models": [
			{**_amounts(row), "name": row.model or _("No model named")}
			for row in asked.used("model", MOST_ROWS)
		],
	}


def _limits(mine: frappe._dict) -> list[dict]:
	rows = counters.rows_of(mine.name)
	return standing.limits_of(mine, standing.windows_of(mine, rows))


def _limit(limit: dict) -> dict:
	meter, window = limit["window"].split(":")
	text = _("{0} of the {1} {2} per {3} are used")
	return {
		"text": text.format(
			words.number(limit["used"]), words.number(limit["limit"]), _meter(meter), _window(window)
		),
		"limit": limit["limit"],
		"used": min(limit["used"], limit["limit"]),
		"resets": words.moment(limit["resets_at"]),
	}


def _meter(name: str) -> str:
	return METERS[name.capitalize()]()


def _window(name: str) -> str:
	return NAMES[name.capitalize()]()


def _amounts(row: Any) -> dict:
	return {field: words.number(row[field]) for field in AMOUNTS}
