"""Plans page. Guests can see it; choosing a plan needs a login."""

from urllib.parse import quote

import frappe
from frappe import _

from oropendola_payments.ai_billing.current import current, payment_settings
from oropendola_payments.engine.subscriptions import catalogue, lifecycle
from oropendola_payments.engine.subscriptions.trial_phone import PhoneNotConfirmed
from oropendola_payments.engine.tax import quote as tax
from oropendola_payments.engine.trials import claims
from oropendola_payments.web import plan_changes, shell, words

no_cache = 1
RUNNING = ("Active", "Trial")


def get_context(context):
	page = shell.open_page(context, _("Plans"), here="plans")
	if shell.is_post():
		_choose(shell.require_login())
	plans = catalogue.list_plans()
	for plan in plans:
		plan["has_trial"] = _has_trial(plan, page.user)
	currencies = list(dict.fromkeys(code for plan in plans for code in plan["prices"] if not plan["is_free"]))
	currency = _currency(currencies)
	mine, current_ones = _mine(page.user), plan_changes.changeable(page.user)
	context.update(
		{
			"cards": [
				_card(plan, currency, mine, current_ones) for plan in plans if _is_sold(plan, currency)
			],
			"currencies": [_choice(code, currency) for code in currencies] if len(currencies) > 1 else [],
			"currency": currency,
			"wanted": shell.query_param("plan"),
			"tax_note": _tax_note(currency) if currencies else "",
		}
	)


def _tax_note(currency: str) -> str:
	if not tax.uses_rules():
		return words.tax_note(payment_settings())
	if tax.includes_tax(currency):
		return _("Prices include tax.")
	return _("Tax is added at checkout. It depends on where you are.")


def _choose(user: str):
	plan, currency = shell.posted("plan"), shell.posted("currency")
	with shell.refusals_lead_to(f"/plans?currency={quote(currency)}&plan={quote(plan)}"):
		try:
			answer = lifecycle.subscribe(user, plan, currency or None, reveal_key=False)
		except PhoneNotConfirmed:
			frappe.clear_messages()
			shell.redirect(f"/trial?plan={quote(plan)}&currency={quote(currency)}")
	if answer.get("invoice_id"):
		shell.redirect(f"/checkout?invoice={answer['invoice_id']}")
	shell.redirect("/billing")


def _currency(currencies: list[str]) -> str:
	asked = shell.query_param("currency").upper()
	return asked if asked in currencies else next(iter(currencies), "")


def _choice(code: str, chosen: str) -> dict:
	return {"code": code, "address": f"/plans?currency={code}", "is_chosen": code == chosen}


def _is_sold(plan: dict, currency: str) -> bool:
	return bool(plan["is_free"]) or currency in plan["prices"]


def _mine(user: str | None) -> dict[str, str]:
	"""Return the newest subscription status of the user by plan."""
	if not user:
		return {}
	rows = frappe.get_all("AI Subscription", {"user": user}, ["plan", "status"], order_by="creation")
	return {row.plan: row.status for row in rows}


def _card(plan: dict, currency: str, mine: dict[str, str], current_ones: list) -> dict:
	is_free, status = bool(plan["is_free"]), mine.get(plan["name"])
	return {
		"id": plan["plan_id"],
		"name": words.translated(plan["plan_name"]),
		"description": words.translated(plan["description"]),
		"price": words.money(plan["prices"].get(currency) or 0, currency, short=True)
		if currency
		else _("Free"),
		"interval": "" if is_free else words.interval(plan["billing_interval"], plan["interval_count"]),
		"trial": _trial(plan) if plan["has_trial"] else "",
		"quota": words.quota(plan["requests_limit_per_day"]),
		"features": [words.translated(feature) for feature in plan["features"]],
		"is_mine": status in RUNNING,
		"change": plan_changes.on_card(plan["name"], current_ones),
		"button": _button(plan, status),
		"address": shell.login_address(f"/plans?currency={currency}&plan={plan['plan_id']}"),
	}


def _has_trial(plan: dict, user: str | None) -> bool:
	"""Return whether to announce a trial: to guests, and to customers who would get one."""
	if not plan["trial_days"] or plan["is_free"]:
		return False
	return not user or claims.may_have_trial(user, current("AI Plan", plan["name"]))


def _trial(plan: dict) -> str:
	return _("{0} days free, no payment needed").format(words.number(plan["trial_days"]))


def _button(plan: dict, status: str | None) -> str:
	name = words.translated(plan["plan_name"])
	if status == "Pending":
		return _("Continue to payment")
	if status in ("Past Due", "Expired"):
		return _("Renew {0}").format(name)
	if plan["has_trial"]:
		return _("Try {0}").format(name)
	return _("Choose {0}").format(name)
