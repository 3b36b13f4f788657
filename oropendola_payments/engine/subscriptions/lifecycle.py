"""Subscribe, and create the invoice that is due."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing import formatting, invoice_price
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.coupons import guesses
from oropendola_payments.engine.coupons.choice import choose
from oropendola_payments.engine.coupons.eligibility import normalized
from oropendola_payments.engine.coupons.redemptions import REPLACED_REASON
from oropendola_payments.engine.entitlements import allowances
from oropendola_payments.engine.entitlements.room_for_plan import changes_elsewhere
from oropendola_payments.engine.subscriptions import credit, discounts, invoicing, trial_phone
from oropendola_payments.engine.subscriptions.catalogue import get_plan
from oropendola_payments.engine.subscriptions.lookup import (
	live_subscription,
	open_invoice,
	open_period_invoices,
)
from oropendola_payments.engine.trials import claims
from oropendola_payments.exceptions import Conflict, Unprocessable


@dataclass(frozen=True)
class TrialWish:
	"""Whether the customer wants a trial where there is one, and the phone number and code that some sites need for it."""

	wanted: bool = True
	phone: str | None = None
	code: str | None = None


# Subscribing --------------------------------------------------------------------------------------


def subscribe(
	user: str,
	plan_id: str,
	currency: str | None,
	reveal_key: bool = True,
	coupon: str | None = None,
	trial: TrialWish | None = None,
) -> dict:
	"""Create a subscription and, unless it is free or on trial, an invoice. A repeated call gives the same answer.

	For a free plan or a trial the answer includes the API key, unless `reveal_key` is false. Raises CouponRefused, and creates
	nothing, if the coupon cannot be redeemed, and PhoneNotConfirmed if a trial needs a confirmed phone number.
	"""
	wish = trial or TrialWish()
	plan = get_plan(plan_id)
	plan.require_active()
	if not plan.is_really_free():
		plan.price_in(currency)
	elif coupon:
		raise Unprocessable(_("{0} is free and needs no coupon.").format(plan.plan_name))
	phone = trial_phone.confirmed_phone(user, plan, wish.phone, wish.code) if wish.wanted else None
	options = {"phone": phone, "wants_trial": wish.wanted}
	if not coupon:
		return _subscribe_once(user, plan, currency, reveal_key, **options)
	with guesses.limited(user):
		return _subscribe_once(user, plan, currency, reveal_key, normalized(coupon), **options)


def _subscribe_once(user: str, plan: AIPlan, *request: Any, **options: Any) -> dict:
	try:
		return in_transaction(_subscribe, live_subscription(user, plan.name), user, plan, *request, **options)
	except (frappe.UniqueValidationError, frappe.DuplicateEntryError):
		# A concurrent request of the same customer was faster: return its subscription.
		return in_transaction(_subscribe, live_subscription(user, plan.name), user, plan, *request, **options)


def _subscribe(
	existing: str | None,
	user: str,
	plan: AIPlan,
	currency: str | None,
	reveal_key: bool,
	code: str | None = None,
	phone: str | None = None,
	wants_trial: bool = True,
) -> dict:
	# Lock before any plain read, which would start the snapshot too early.
	if existing:
		return _answer_existing(lock("AI Subscription", existing), currency, code)
	_require_not_scheduled(user, plan)
	may_try = wants_trial and cint(plan.trial_days) and not claims.had_trial_or_plan(user, plan.name)
	subscription = frappe.new_doc("AI Subscription")
	subscription.update({"user": user, "plan": plan.name, "status": "Pending"})
	subscription.insert(ignore_permissions=True)
	if plan.is_really_free():
		return _answer_served(subscription, partial(allowances.start_free, subscription), reveal_key)
	if may_try and claims.claim(subscription, phone):
		_refuse_coupon_for_trial(plan, code)
		return _answer_served(subscription, subscription.start_trial, reveal_key)
	return open_or_create_invoice(subscription, "New", currency, code)


def _require_not_scheduled(user: str, plan: AIPlan) -> None:
	"""Raise Conflict if another subscription of the customer changes to this plan soon: one may exist, so that change would fail."""
	day = changes_elsewhere(user, plan.name)
	if day:
		message = _(
			"Your subscription changes to {0} on {1}. To order it now, please cancel that change first."
		)
		raise Conflict(message.format(plan.plan_name, formatting.day(day)))


def _refuse_coupon_for_trial(plan: AIPlan, code: str | None) -> None:
	if code:
		message = _(
			"{0} starts with a free trial. Please use the coupon when you pay for the first period after it."
		)
		raise Unprocessable(message.format(plan.plan_name))


def _answer_served(
	subscription: AISubscription, start: Callable[[bool], str | None], reveal_key: bool
) -> dict:
	key = start(reveal_key)
	return _answer(subscription, api_key=key if reveal_key else None)


def _answer_existing(subscription: AISubscription, currency: str | None, code: str | None) -> dict:
	if subscription.status in ("Active", "Trial"):
		message = _("You already have {0}. You can renew it instead.")
		raise Conflict(message.format(subscription.get_plan().plan_name))
	if subscription.status == "Paused":
		message = _("{0} is paused. Please resume it first.")
		raise Conflict(message.format(subscription.get_plan().plan_name))
	if subscription.status == "Cancelled":
		raise Conflict(_("Your subscription has just been cancelled. Please subscribe again."))
	_require_not_scheduled(subscription.user, subscription.get_plan())
	return open_or_create_invoice(
		subscription, "New" if subscription.status == "Pending" else "Renewal", currency, code
	)


def open_or_create_invoice(
	subscription: AISubscription, purpose: str, currency: str | None, code: str | None = None
) -> dict:
	"""Return the open invoice of the subscription, or create one. `code` is a coupon for it."""
	wanted = currency.upper() if currency else None
	name, plan = open_invoice(subscription.name, wanted), subscription.renewal_plan()
	if not name or invoicing.must_be_replaced(name, plan):
		promised = _cancel_open_invoices(subscription.name)
		discount = choose(subscription, plan, wanted, code, promised)
		invoice = invoicing.create_invoice(subscription, purpose, wanted, discount)
		credit.apply_credit(invoice.name)
		name = invoice.name
		subscription.reload()
	elif code:
		discounts.apply_to(lock("AI Invoice", name), code)
	return _answer(subscription, name)


def _answer(subscription: AISubscription, invoice: str | None = None, api_key: str | None = None) -> dict:
	"""Return what the customer gets. Why there is no trial is not said, because it would tell who had one."""
	answer = {"subscription_id": subscription.name, "status": subscription.status}
	if invoice:
		answer["invoice_id"] = invoice
		if subscription.status == "Pending" and cint(subscription.get_plan().trial_days):
			answer["notice"] = _("There is no free trial for this order. The normal price applies.")
	if api_key:
		answer["api_key"] = api_key
	return answer


def _cancel_open_invoices(subscription: str) -> str | None:
	"""Cancel the open invoices for a period, so that only the new one stays open, and return the coupon that was reserved for one.

	Raises Conflict if a payment is in progress.
	"""
	promised = None
	for name in frappe.get_all("AI Invoice", open_period_invoices(subscription), pluck="name"):
		invoice = lock("AI Invoice", name)
		if not invoice.can_move_to("Cancelled"):
			message = _(
				"A payment for invoice {0} is in progress. Please complete or cancel it before you change the currency."
			)
			raise Conflict(message.format(name))
		if invoice_price.release_coupon(invoice, REPLACED_REASON):
			promised = invoice.coupon
		invoice.mark_as_cancelled()
	return promised
