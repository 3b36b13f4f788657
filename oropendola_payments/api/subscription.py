"""Plans and the user's subscription."""

from typing import Any

import frappe
from werkzeug.wrappers import Response

from oropendola_payments.api import contract, endpoint, refusal, require_login
from oropendola_payments.api.answers import subscriptions as answers
from oropendola_payments.api.answers import usage as usage_answers
from oropendola_payments.api.answers.types import File
from oropendola_payments.api.arguments import Code, Currency, Phone
from oropendola_payments.engine.keys import listing, manage, reveal, rotate
from oropendola_payments.engine.plan_changes import confirm, preview, withdraw
from oropendola_payments.engine.self_service import commands, default, state
from oropendola_payments.engine.subscriptions import catalogue, lifecycle, lookup, trial_phone
from oropendola_payments.engine.usage_ledger import history


@endpoint(methods=("GET", "POST"), guest=True, answer=answers.Plans)
def get_plans(currency: Currency | None = None) -> dict:
	"""Return the plans on sale."""
	return {"plans": catalogue.list_plans(currency)}


@endpoint(
	methods=("POST",),
	answer=answers.Subscribed,
	errors=(*contract.COUPON, "phone_not_confirmed", "otp_refused", "billing_profile_missing"),
)
def create_subscription_and_invoice(
	plan_id: str,
	currency: Currency | None = None,
	coupon: str | None = None,
	phone: Phone | None = None,
	otp: Code | None = None,
	without_trial: bool = False,
) -> dict:
	"""Subscribe. Free plans and trials start at once; otherwise the answer has the invoice to pay."""
	wish = lifecycle.TrialWish(wanted=not without_trial, phone=phone, code=otp)
	return lifecycle.subscribe(require_login(), plan_id, currency, coupon=coupon, trial=wish)


@endpoint(methods=("POST",), answer=answers.CodeSent, errors=("phone_not_confirmed",))
def send_trial_code(plan_id: str, phone: Phone | None = None) -> dict:
	"""Send a code to the phone, on a site that gives trials for confirmed phone numbers."""
	return trial_phone.send_code(require_login(), plan_id, phone)


@endpoint(methods=("GET", "POST"), answer=answers.MySubscription)
def get_my_subscription(subscription_id: str | None = None) -> dict:
	"""Return the user's subscription, or null if there is none. Of several that are served, `subscription_id` names one."""
	return {"subscription": lookup.subscription_summary(require_login(), subscription_id)}


@endpoint(methods=("GET", "POST"), answer=answers.MySubscriptions)
def get_my_subscriptions() -> dict:
	"""Return all of the user's subscriptions that are not cancelled."""
	return {"subscriptions": lookup.subscription_summaries(require_login())}


@endpoint(methods=("GET",), answer=answers.CustomerState)
def customer_state() -> dict:
	"""Return all subscriptions of the user with quota, keys, open invoices and what is scheduled, in one answer."""
	return state.customer_state(require_login())


@endpoint(methods=("POST",), answer=answers.DefaultSubscription)
def set_default_subscription(subscription_id: str) -> dict:
	"""Choose the subscription that is meant when none is named."""
	return default.set_default(require_login(), subscription_id)


@endpoint(methods=("GET", "POST"), answer=answers.CancellationPreview, errors=contract.CHOICE)
def preview_cancellation(subscription_id: str | None = None) -> dict:
	"""Return until when service would run, and what ending it now would cost."""
	return commands.preview_cancellation(require_login(), subscription_id)


@endpoint(methods=("POST",), answer=answers.Cancelled, errors=contract.CHOICE)
def cancel_subscription(
	subscription_id: str | None = None,
	at_period_end: bool = True,
	reason: str | None = None,
	note: str | None = None,
) -> dict:
	"""Cancel the subscription at the end of its period, or now with `at_period_end=0`."""
	return commands.cancel(require_login(), subscription_id, at_period_end, reason, note)


@endpoint(methods=("POST",), answer=answers.Cancelled, errors=contract.CHOICE)
def undo_cancel(subscription_id: str | None = None) -> dict:
	"""Withdraw a cancellation before the subscription has ended."""
	return commands.undo_cancel(require_login(), subscription_id)


@endpoint(methods=("POST",), answer=answers.Withdrawal, errors=(*contract.CHOICE, *contract.GATEWAY))
def withdraw_contract(subscription_id: str | None = None, confirm: bool = False) -> dict:
	"""Return what a withdrawal from the contract refunds; with `confirm=1` end the subscription and refund it."""
	return commands.withdraw_contract(require_login(), subscription_id, confirm)


@endpoint(methods=("POST",), answer=answers.Paused, errors=contract.CHOICE)
def pause_subscription(subscription_id: str | None = None, days: int | None = None) -> dict:
	"""Pause the subscription for a number of days. The paid days that are left are kept."""
	return commands.pause(require_login(), subscription_id, days)


@endpoint(methods=("POST",), answer=answers.Resumed, errors=contract.CHOICE)
def resume_subscription(subscription_id: str | None = None) -> dict:
	"""End a pause."""
	return commands.resume(require_login(), subscription_id)


@endpoint(
	methods=("POST",),
	answer=answers.RotatedApiKey,
	errors=(*contract.CHOICE, "ambiguous_key", "rotation_in_progress"),
)
def rotate_api_key(
	subscription_id: str | None = None, key_id: str | None = None, overlap_hours: int = 0
) -> dict:
	"""Replace an API key and return the new one, once. The old one stops at once, or works for `overlap_hours` more."""
	return rotate.rotate(require_login(), subscription_id, key_id, overlap_hours)


@endpoint(methods=("POST",), answer=answers.RevealedApiKey, errors=contract.CHOICE)
def reveal_api_key(subscription_id: str | None = None) -> dict:
	"""Return, once, the API key that a payment created."""
	return reveal.reveal(require_login(), subscription_id)


@endpoint(
	methods=("GET", "POST"),
	answer=answers.PlanChangeQuote,
	errors=(*contract.CHOICE, "billing_profile_missing"),
)
def preview_plan_change(
	plan_id: str, subscription_id: str | None = None, currency: Currency | None = None
) -> dict:
	"""Return what a change to this plan costs and when it takes effect. `quote` confirms exactly this with `change_plan`."""
	return preview.preview(require_login(), plan_id, subscription_id, currency)


@endpoint(
	methods=("POST",),
	answer=answers.PlanChange,
	errors=(*contract.CHOICE, "quote_outdated", "billing_profile_missing"),
)
def change_plan(plan_id: str, quote: str, subscription_id: str | None = None) -> dict:
	"""Make the change that `preview_plan_change` quoted. If it has to be paid, nothing changes before the invoice is paid."""
	return confirm.change(require_login(), plan_id, quote, subscription_id)


@endpoint(methods=("POST",), answer=answers.WithdrawnPlanChange, errors=contract.CHOICE)
def withdraw_plan_change(subscription_id: str | None = None) -> dict:
	"""Cancel a change that is scheduled or not paid yet."""
	return withdraw.withdraw(require_login(), subscription_id)


@endpoint(methods=("GET", "POST"), answer=answers.ApiKeys, errors=contract.CHOICE)
def list_api_keys(subscription_id: str | None = None) -> dict:
	"""Return the API keys of a subscription that are not revoked."""
	return listing.list_keys(require_login(), subscription_id)


@endpoint(methods=("POST",), answer=answers.NewApiKey, errors=(*contract.CHOICE, "key_limit", "name_taken"))
def create_api_key(name: str, subscription_id: str | None = None) -> dict:
	"""Create another API key where the plan allows it, and return it, once."""
	return manage.create(require_login(), name, subscription_id)


@endpoint(methods=("POST",), answer=answers.ApiKey, errors=("name_taken",))
def rename_api_key(key_id: str, name: str) -> dict:
	"""Give an API key another name."""
	return manage.rename(require_login(), key_id, name)


@endpoint(methods=("POST",), answer=answers.RevokedApiKey)
def revoke_api_key(key_id: str) -> dict:
	"""End one API key now. The other keys work as before."""
	return manage.revoke(require_login(), key_id)


@endpoint(methods=("GET", "POST"), answer=usage_answers.SubscriptionUsage)
def get_usage(
	subscription_id: str | None = None, from_date: str | None = None, to_date: str | None = None
) -> dict:
	"""Return what a subscription used per day and model, all its keys together."""
	mine = lookup.own_subscription(require_login(), subscription_id, unclear=())
	return {"subscription_id": mine.name, **history.summary(history.period(mine.name, from_date, to_date))}


@frappe.whitelist(methods=["GET"])
@contract.described(File(("text/csv",)), errors=contract.CHOICE)
def download_usage(
	subscription_id: Any = None, from_date: Any = None, to_date: Any = None
) -> Response | dict:
	"""Return what a subscription used as a CSV file, with a line for each day, key and model."""
	try:
		user = require_login()
		mine = lookup.own_subscription(user, subscription_id and str(subscription_id), unclear=())
		first, last = (str(day) if day else None for day in (from_date, to_date))
		name, text = history.as_file(history.period(mine.name, first, last))
	except Exception as error:
		return refusal(error)
	headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
	return Response(text, content_type="text/csv; charset=utf-8", headers=headers)
