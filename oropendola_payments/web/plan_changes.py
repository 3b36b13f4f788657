"""What the customer pages show and do about a change of plan."""

from collections.abc import Callable

import frappe
from frappe import _
from frappe.utils import cint, get_datetime

from oropendola_payments.ai_billing.current import current
from oropendola_payments.engine.metering.counters import METERS, NAMES
from oropendola_payments.engine.plan_changes import preview, withdraw
from oropendola_payments.engine.subscriptions import lookup
from oropendola_payments.web import words

CHANGEABLE = ("Active", "Trial", "Past Due", "Expired")
ACTIONS: dict[str, Callable[[str, str | None], object]] = {"call_off_change": withdraw.withdraw}


def changeable(user: str | None) -> list[frappe._dict]:
	"""Return the customer's subscriptions whose plan can be changed, the main one first."""
	return [row for row in lookup.subscriptions_of(user) if row.status in CHANGEABLE] if user else []


def on_card(plan: str, mine: list[frappe._dict]) -> dict | None:
	"""Return the link of a plan's card for a customer who has another plan."""
	if not mine or any(row.plan == plan for row in mine):
		return None
	return {"word": _("Change to {0}").format(name_of(plan)), "address": f"/change-plan?plan={plan}"}


# The page that shows the price --------------------------------------------------------------------


def shown_quote(quote: dict) -> dict:
	"""Return a quote as the page shows it."""
	currency = quote["currency"]
	return {
		"token": quote["quote"],
		"subscription": quote["subscription_id"],
		"from_plan": words.translated(quote["from_plan_name"]),
		"plan": words.translated(quote["plan_name"]),
		"plan_id": quote["plan"],
		"is_now": quote["timing"] == "Now",
		"on": words.day(quote["effective_on"]),
		"ends_on": words.day(quote["ends_on"]) if quote["ends_on"] else "",
		"starts_new_period": quote["starts_new_period"],
		"full_price": words.money(quote["full_price"], currency),
		"interval": words.interval(quote["billing_interval"], quote["interval_count"]),
		"lines": [_line(line, currency) for line in quote["lines"]],
		"tax": words.money(quote["tax_amount"], currency) if quote["tax_amount"] else "",
		"tax_label": quote["tax_label"],
		"tax_is_included": quote["prices_include_tax"],
		"total": words.money(quote["total_amount"], currency),
		"credit": words.money(quote["credit_used"], currency) if quote["credit_used"] else "",
		"waived": words.money(quote["waived_amount"], currency) if quote["waived_amount"] else "",
		"due": words.money(quote["due_now"], currency),
		"is_due": bool(quote["due_now"]),
		"quota": words.quota(max(0, quote["quota"]["limit"])),
		"left_today": _left_today(quote["quota"]),
		"limits": [_limit(limit) for limit in quote["limits"]],
		"replaces": name_of(quote["replaces"]["plan"]) if quote["replaces"] else "",
		"valid_until": words.clock(get_datetime(quote["valid_until"])),
	}


def _line(line: dict, currency: str) -> dict:
	plan, days = name_of(line["plan"]), words.number(line["days_left"])
	if line["kind"] == "credit":
		text = _("{0}: unused days, {1} of {2}")
	else:
		text = _("{0}: days to come, {1} of {2}")
	amount = words.money(abs(line["amount"]), currency)
	return {
		"text": text.format(plan, days, words.number(line["days"])) if line["days"] else plan,
		"amount": f"−{amount}" if line["amount"] < 0 else amount,
	}


def _left_today(quota: dict) -> str:
	left = quota["remaining_today"]
	return _("Today: {0} requests left").format(words.number(left)) if left is not None and left >= 0 else ""


def _limit(limit: dict) -> str:
	meter, window = limit["window"].split(":")
	text = _("Until {0}: {1} {2} in all. After that: {3} in each {4}.")
	now, later = words.number(limit["until_then"]), words.number(limit["limit"])
	return text.format(
		words.day(limit["ends_on"]), now, METERS[meter.title()](), later, NAMES[window.title()]()
	)


# The billing page ---------------------------------------------------------------------------------


def shown(mine: dict) -> dict:
	"""Return the values of the template `plan_change.html` for one subscription."""
	found = preview.open_change(mine["subscription_id"])
	return {
		"can_change": mine["status"] in CHANGEABLE,
		"scheduled": _scheduled(mine) if mine["next_plan"] else None,
		"unpaid_change": _unpaid(found) if found and found.status == "Awaiting Payment" else None,
		"can_call_off": found is not None and withdraw.can_withdraw(found, mine["subscription_id"]),
	}


def _scheduled(mine: dict) -> dict:
	return {"plan": words.translated(mine["next_plan_name"]), "on": words.day(mine["switch_on"])}


def _unpaid(change: frappe._dict) -> dict:
	invoice = frappe.get_doc("AI Invoice", change.invoice)
	return {
		"plan": name_of(change.to_plan),
		"invoice": invoice.name,
		"due": words.money(invoice.outstanding(), invoice.currency),
		"until": words.moment(invoice.expires_at),
	}


# Checkout and receipt -----------------------------------------------------------------------------


def order_of(invoice) -> dict:
	"""Return what the order summary says of an invoice for a change of plan."""
	fields = ["from_plan", "to_plan", "ends_on", "restarts"]
	change = frappe.db.get_value("AI Plan Change", {"invoice": invoice.name}, fields, as_dict=True)
	if not change:
		return {}
	until = words.day(invoice.period_end or change.ends_on)
	return {
		"what": _("{0} instead of {1}").format(name_of(change.to_plan), name_of(change.from_plan)),
		**({} if cint(change.restarts) else {"interval": _("until {0}").format(until)}),
		"pay_until": words.moment(invoice.expires_at) if invoice.expires_at else "",
	}


def name_of(plan: str) -> str:
	return words.translated(current("AI Plan", plan).plan_name)
