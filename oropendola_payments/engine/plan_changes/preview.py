"""The quote for a change of plan, as a customer sees it. Nothing is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, getdate, now_datetime

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.doctype.ai_plan_change.ai_plan_change import AIPlanChange
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import SERVED
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import CONTESTED
from oropendola_payments.ai_billing.periods import midnight
from oropendola_payments.ai_billing.quota_today import used_today
from oropendola_payments.engine.coupons.running import discount_on_rest
from oropendola_payments.engine.entitlements.bought_share import long_limits, not_bought
from oropendola_payments.engine.entitlements.paid_periods import PaidPeriod, Step, paid_periods
from oropendola_payments.engine.entitlements.room_for_plan import MAKES_ROOM
from oropendola_payments.engine.entitlements.windows import span_of, term_of
from oropendola_payments.engine.gateway.enabled import least_payable
from oropendola_payments.engine.metering.unused_value import Use, uses_of
from oropendola_payments.engine.plan_changes import token
from oropendola_payments.engine.plan_changes.quote import Facts, Line, Quote, quote
from oropendola_payments.engine.plan_changes.token import Terms
from oropendola_payments.engine.subscriptions import credit
from oropendola_payments.engine.subscriptions.catalogue import get_plan
from oropendola_payments.engine.subscriptions.lookup import choose, subscriptions_of
from oropendola_payments.engine.tax.quote import includes_tax
from oropendola_payments.engine.tax.quote import quote as sale_to
from oropendola_payments.exceptions import Conflict, NotFound
from oropendola_payments.money import from_minor, to_minor

OPEN_FIELDS = ["name", "invoice", "status", "to_plan", "effective_on", "fingerprint"]


@dataclass(frozen=True)
class Offer:
	"""A quote with everything that its confirmation needs."""

	quote: Quote
	terms: Terms
	subscription: Any  # the record, or its row
	plan: AIPlan
	credit: Decimal  # what the change would use of the customer's credit
	open_change: AIPlanChange | frappe._dict | None

	def content(self) -> dict:
		"""Return what the customer agrees to."""
		return {
			"subscription": self.subscription.name,
			"from": self.subscription.plan,
			"to": self.plan.name,
			"timing": self.quote.timing,
			"restarts": self.quote.restarts,
			"effective_on": self.quote.effective_on,
			"ends_on": self.quote.ends_on,
			"currency": self.quote.currency,
			"lines": [
				(line.starts_on, line.days_left, line.credit, line.charge) for line in self.quote.lines
			],
			"amounts": self.quote.amounts,
			"due": self.quote.due,
			"waived": self.quote.waived,
			"limit": self.plan.daily_limit(),
		}

	def signed_content(self) -> dict:
		return {**self.content(), "credit": self.credit}


def preview(user: str, plan_id: str, subscription_id: str | None = None, currency: str | None = None) -> dict:
	"""Return what a change to this plan costs and when it takes effect, with a token for `change`."""
	plan = get_plan(plan_id)
	subscription, others = own_and_others(user, subscription_id)
	require_free(plan, others)
	return answer(
		make_offer(
			subscription, plan, paid_periods(subscription.name), open_change(subscription.name), currency
		)
	)


def own_and_others(user: str, subscription_id: str | None) -> tuple[frappe._dict, list[frappe._dict]]:
	"""Return the customer's subscription that is meant, and the other ones."""
	rows = subscriptions_of(user)
	chosen = choose(rows, subscription_id)
	if not chosen:
		raise NotFound(_("You have no subscription yet. Please choose a plan first."))
	return chosen, [row for row in rows if row.name != chosen.name]


def make_offer(
	subscription: Any,
	plan: AIPlan,
	periods: Sequence[PaidPeriod],
	found: AIPlanChange | frappe._dict | None,
	currency: str | None = None,
	terms: Terms | None = None,
) -> Offer:
	"""Return the offer of today, or that of earlier `terms`. `found` is the open change. Raises if the subscription cannot change."""
	_require_changeable(subscription, plan)
	_require_paid_in_full(periods)
	_require_undisputed(periods)
	terms = terms or _terms_of_today(subscription, plan, periods, currency)
	currency, price = terms.currency, from_minor(terms.price, terms.currency)
	facts = Facts(
		state=subscription.status,
		end_date=getdate(subscription.end_date) if subscription.end_date else None,
		from_plan=current("AI Plan", subscription.plan),
		to_plan=plan,
		periods=tuple(periods),
		price=price,
		currency=currency,
		on=terms.on,
		with_tax=includes_tax(currency),
		tax_on=_tax(price, currency, subscription.user, plan),
		least=least_payable(currency),
		uses=_uses(subscription, periods, terms.on),
		discounts={p.invoice: discount_on_rest(p.coupon, plan, price, currency) for p in periods if p.coupon},
	)
	made = quote(facts)
	held_by = found.invoice if found and found.status == "Awaiting Payment" else None
	left = credit.available(subscription.user, currency, held_by) if made.due else Decimal(0)
	return Offer(made, terms, subscription, plan, min(left, made.due), found)


def _require_changeable(subscription: Any, plan: AIPlan) -> None:
	plan.require_active()
	name = current("AI Plan", subscription.plan).plan_name
	if subscription.status == "Cancelled":
		raise Conflict(_("Your subscription was cancelled. Please subscribe again."))
	if subscription.status == "Pending":
		raise Conflict(_("{0} has not been paid yet. Please choose the other plan instead.").format(name))
	if subscription.status == "Paused":
		raise Conflict(_("{0} is paused. Please resume it before you change the plan.").format(name))
	if plan.name == subscription.plan:
		raise Conflict(_("You already have {0}.").format(name))


def _tax(price: Decimal, currency: str, user: str, plan: AIPlan) -> Callable[[Decimal, str], dict]:
	"""Return the function that gives the tax of a price. Buyer and rules are read once."""
	sale = sale_to(price, currency, user, plan.product_kind)
	return lambda amount, _currency: sale.at(amount, currency).values()


def require_free(plan: AIPlan, others: Sequence[frappe._dict]) -> None:
	"""Raise Conflict if another subscription of the customer has this plan, or changes to it. An unpaid or expired one makes room."""
	in_use = (row for row in others if row.status not in (*MAKES_ROOM, "Cancelled"))
	if any(plan.name in (row.plan, row.next_plan) for row in in_use):
		raise taken(plan)


def taken(plan: AIPlan) -> Conflict:
	message = _("You already have {0} as another subscription. Please cancel one of them first.")
	return Conflict(message.format(plan.plan_name))


def _require_paid_in_full(periods: Sequence[PaidPeriod]) -> None:
	owed = next((period.invoice for period in periods if period.is_owed), None)
	if owed:
		message = _("Invoice {0} is being paid in parts. Please pay all of it before you change the plan.")
		raise Conflict(message.format(owed))


def _uses(subscription: Any, periods: Sequence[PaidPeriod], on: date) -> tuple[Use, ...]:
	"""Return what was used of the paid period's long limits, in steps: a busy customer could never confirm a quote that changes with each call.

	A quote holds over midnight, so it is the last moment of its day then.
	"""
	if not periods:
		return ()
	plan, moment = current("AI Plan", subscription.plan), now_datetime()
	if on < moment.date():
		moment = midnight(on + timedelta(days=1)) - timedelta(seconds=1)
	return tuple(use.in_steps() for use in uses_of(subscription, plan, moment, periods[0]))


def _require_undisputed(periods: Sequence[PaidPeriod]) -> None:
	"""Raise Conflict if the bank took back, or may take back, what the days left were paid with, and nobody has decided about it."""
	in_review = [period.invoice for period in periods if period.needs_review]
	disputed = {"invoice": ("in", in_review), "dispute_state": ("in", CONTESTED)}
	if in_review and frappe.db.exists("Payment Capture", disputed):
		raise Conflict(_("A payment of your subscription is disputed. Please contact us to change the plan."))


def _terms_of_today(
	subscription: Any, plan: AIPlan, periods: Sequence[PaidPeriod], wanted: str | None
) -> Terms:
	currency = _currency(subscription, plan, periods, wanted)
	return token.fresh_terms(currency, to_minor(_price(plan, currency), currency))


def _currency(subscription: Any, plan: AIPlan, periods: Sequence[PaidPeriod], wanted: str | None) -> str:
	"""Return the currency that was asked for, else the one that was paid in, else the plan's own."""
	if plan.is_really_free():
		return periods[0].currency if periods else plan.currency
	if wanted:
		return plan.price_in(wanted)[1]
	paid_in = periods[0].currency if periods else _last_currency(subscription.name)
	return paid_in if paid_in in plan.all_prices() else plan.currency


def _last_currency(subscription: str) -> str | None:
	return frappe.db.get_value(
		"AI Invoice", {"subscription": subscription}, "currency", order_by="creation desc"
	)


def _price(plan: AIPlan, currency: str) -> Decimal:
	return Decimal(0) if plan.is_really_free() else plan.price_in(currency)[0]


def open_change(subscription: str) -> frappe._dict | None:
	return frappe.db.get_value("AI Plan Change", {"open_key": subscription}, OPEN_FIELDS, as_dict=True)


# What is shown ------------------------------------------------------------------------------------


def answer(offer: Offer) -> dict:
	"""Return the quote for clients."""
	made = offer.quote
	old = current("AI Plan", offer.subscription.plan)
	return {
		"subscription_id": offer.subscription.name,
		"from_plan": old.name,
		"from_plan_name": old.plan_name,
		"plan": offer.plan.name,
		"plan_name": offer.plan.plan_name,
		"timing": made.timing,
		"effective_on": made.effective_on,
		"ends_on": made.ends_on,
		"starts_new_period": made.restarts,
		"currency": made.currency,
		"prices_include_tax": made.with_tax,
		"full_price": from_minor(offer.terms.price, made.currency),
		"billing_interval": offer.plan.billing_interval,
		"interval_count": cint(offer.plan.interval_count),
		"lines": [row for line in made.lines for row in _rows(line, offer)],
		"net_amount": made.amounts["net_amount"],
		"tax_amount": made.amounts.get("tax_amount") or Decimal(0),
		"tax_rate": made.amounts.get("tax_rate") or Decimal(0),
		"tax_label": made.amounts.get("tax_label") or "",
		"total_amount": made.due,
		"waived_amount": made.waived,
		"credit_used": offer.credit,
		"due_now": made.due - offer.credit,
		"quota": _quota(offer),
		"limits": _limits(offer),
		"replaces": _replaced(offer.open_change),
		"valid_until": offer.terms.valid_until,
		"quote": token.sign(offer.terms, offer.signed_content()),
	}


def _rows(line: Line, offer: Offer) -> list[dict]:
	days = {
		"starts_on": line.starts_on,
		"ends_on": line.ends_on,
		"days": line.days,
		"days_left": line.days_left,
	}
	rows = []
	if line.before:
		amount = -from_minor(line.credit, offer.quote.currency)
		rows.append({"kind": "credit", "plan": line.before.plan, **days, "amount": amount})
	if line.after:
		amount = from_minor(line.charge, offer.quote.currency)
		rows.append({"kind": "price", "plan": offer.plan.name, **days, "amount": amount})
	return rows


def _quota(offer: Offer) -> dict:
	"""Return the new limit, and what is left of it today after what was used."""
	limit = offer.plan.daily_limit()
	if offer.quote.timing != "Now":
		return {"limit": limit, "remaining_today": None}
	return {"limit": limit, "remaining_today": limit if limit == -1 else max(0, limit - _used_today(offer))}


def _limits(offer: Offer) -> list[dict]:
	"""Return the new plan's limits for several days, and what they allow in all until the window that runs now ends."""
	made, now = offer.quote, next((line for line in offer.quote.lines if line.before), None)
	if made.timing != "Now" or made.restarts or not now or not now.before:
		return []
	step = Step(offer.subscription.plan, made.effective_on, now.before.invoice, now.days_left)
	period = replace(now.before, steps=(*now.before.steps, step))
	term = term_of(offer.subscription, offer.plan, period)
	spans = [
		(row, span_of(row.time_window, made.effective_on, term)) for row in long_limits(offer.plan.limits)
	]
	return [
		{
			"window": f"{limit.meter}:{limit.time_window}".lower(),
			"limit": int(limit.allowance),
			"until_then": int(limit.allowance) - not_bought(limit, span, period),
			"ends_on": span.ends_on,
		}
		for limit, span in spans
	]


def _used_today(offer: Offer) -> int:
	row = offer.subscription
	return used_today(row) if row.status in SERVED and row.quota_reset_on else 0


def _replaced(change: AIPlanChange | frappe._dict | None) -> dict | None:
	if not change:
		return None
	return {"plan": change.to_plan, "status": change.status, "effective_on": change.effective_on}
