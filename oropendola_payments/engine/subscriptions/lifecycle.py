"""Subscribing, renewing, cancelling: which invoice is owed, and what a payment gives."""

from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN as OPEN_INVOICES
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import LIVE
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.entitlements.fulfilment import fulfil
from oropendola_payments.engine.settlement import overpayment
from oropendola_payments.engine.subscriptions import invoicing
from oropendola_payments.exceptions import Conflict, NotFound, Unprocessable
from oropendola_payments.money import to_decimal

# The subscription that a customer means, when there are several.
RANK = ("Active", "Trial", "Past Due", "Pending", "Expired", "Cancelled")


# Plans --------------------------------------------------------------------------------------------


def list_plans(currency: str | None = None) -> list[dict]:
	"""Active plans with their prices; with `currency`, only those that can be bought in it."""
	fields = [
		"name", "plan_id", "plan_name", "description", "features", "price", "currency", "billing_interval",
		"interval_count", "requests_limit_per_day", "is_free", "trial_days",
	]  # fmt: skip
	plans = frappe.get_all("AI Plan", {"is_active": 1}, fields, order_by="sort_order, plan_name")
	rows = frappe.get_all(
		"AI Plan Price", {"parenttype": "AI Plan"}, ["parent", "currency", "price"], order_by="idx"
	)
	for plan in plans:
		further = [row for row in rows if row.parent == plan.name]
		plan.prices = {plan.currency: plan.price, **{row.currency: row.price for row in further}}
		plan.features = [line.strip() for line in (plan.features or "").splitlines() if line.strip()]
	return [_in_currency(plan, currency) for plan in plans if not currency or _sold_in(plan, currency)]


def _sold_in(plan, currency: str) -> bool:
	return bool(plan.is_free) or currency.upper() in plan.prices


def _in_currency(plan, currency: str | None) -> dict:
	chosen = currency.upper() if currency else plan.currency
	return {**plan, "currency": chosen, "price": plan.prices.get(chosen, 0)}


# Subscribing --------------------------------------------------------------------------------------


def subscribe(user: str, plan_id: str, currency: str | None) -> dict:
	"""A subscription and, unless it is free or on trial, the invoice to pay. Asking twice gives the same answer."""
	plan = _plan(plan_id)
	plan.require_active()
	if not plan.is_really_free():
		plan.price_in(currency)
	try:
		return in_transaction(_subscribe, user, plan, currency, live_subscription(user, plan.name))
	except (frappe.UniqueValidationError, frappe.DuplicateEntryError):
		# Another request of the same customer was faster: answer what it made.
		return in_transaction(_subscribe, user, plan, currency, live_subscription(user, plan.name))


def _subscribe(user: str, plan, currency: str | None, existing: str | None) -> dict:
	# Nothing may be read before the lock: it would fix what later reads can see.
	if existing:
		return _answer_again(lock("AI Subscription", existing), currency)
	first_time = not frappe.db.exists("AI Subscription", {"user": user, "plan": plan.name})
	subscription = frappe.new_doc("AI Subscription")
	subscription.update({"user": user, "plan": plan.name, "status": "Pending"})
	subscription.insert(ignore_permissions=True)
	if plan.is_really_free():
		return _answer(subscription, api_key=subscription.start_free())
	if cint(plan.trial_days) and first_time:
		return _answer(subscription, api_key=subscription.start_trial())
	return _bill(subscription, "New", currency)


def _answer_again(subscription, currency: str | None) -> dict:
	if subscription.status in ("Active", "Trial"):
		message = _("You already have {0}. You can renew it instead.")
		raise Conflict(message.format(subscription.get_plan().plan_name))
	if subscription.status == "Cancelled":
		raise Conflict(_("Your subscription was cancelled just now. Please subscribe again."))
	return _bill(subscription, "New" if subscription.status == "Pending" else "Renewal", currency)


def _bill(subscription, purpose: str, currency: str | None) -> dict:
	"""The open invoice of the subscription, or a new one."""
	wanted = currency.upper() if currency else None
	name = open_invoice(subscription.name, wanted)
	if not name or invoicing.is_outdated(name, subscription.get_plan()):
		_call_off_open(subscription.name)
		invoice = invoicing.create_invoice(subscription, purpose, wanted)
		invoicing.apply_credit(invoice.name)
		name = invoice.name
		subscription.reload()
	return _answer(subscription, name)


def _answer(subscription, invoice: str | None = None, api_key: str | None = None) -> dict:
	answer = {"subscription_id": subscription.name, "status": subscription.status}
	if invoice:
		answer["invoice_id"] = invoice
	if api_key:
		answer["api_key"] = api_key
	return answer


def open_invoice(subscription: str, currency: str | None = None) -> str | None:
	filters = {"subscription": subscription, "status": ("in", OPEN_INVOICES)}
	if currency:
		filters["currency"] = currency
	return frappe.db.get_value("AI Invoice", filters, "name", order_by="creation desc")


def _call_off_open(subscription: str):
	"""Another currency or a changed plan needs another invoice: call the untouched one off, so that one stays open."""
	names = frappe.get_all(
		"AI Invoice", {"subscription": subscription, "status": ("in", OPEN_INVOICES)}, pluck="name"
	)
	for name in names:
		invoice = lock("AI Invoice", name)
		if not invoice.can_move_to("Cancelled"):
			message = _(
				"A payment of invoice {0} is under way. Please finish or cancel it before you change the currency."
			)
			raise Conflict(message.format(name))
		invoice.mark_as_cancelled()


# Renewing -----------------------------------------------------------------------------------------


def renew(user: str, plan_id: str | None = None) -> dict:
	"""The invoice for the next period, and whether it extends the running one or starts anew."""
	name = _subscription_to_renew(user, plan_id)
	return in_transaction(_renew, name)


def _renew(name: str) -> dict:
	subscription = lock("AI Subscription", name)
	plan = subscription.get_plan()
	if plan.is_really_free():
		raise Unprocessable(_("{0} is free and needs no renewal.").format(plan.plan_name))
	plan.require_active()
	action = "extend" if subscription.continues() else "new"
	purpose = "New" if subscription.status == "Pending" else "Renewal"
	answer = _bill(subscription, purpose, _last_currency(subscription))
	return {"invoice_id": answer["invoice_id"], "subscription_id": subscription.name, "action": action}


def _last_currency(subscription) -> str | None:
	"""A customer keeps the currency of the last invoice while the plan is still sold in it."""
	last = frappe.db.get_value(
		"AI Invoice", {"subscription": subscription.name}, "currency", order_by="creation desc"
	)
	return last if last in subscription.get_plan().all_prices() else None


def _subscription_to_renew(user: str, plan_id: str | None) -> str:
	if plan_id:
		_plan(plan_id)
	subscription = main_subscription(user, plan_id)
	if not subscription:
		raise NotFound(_("You have no subscription to renew. Please choose a plan first."))
	if subscription.status == "Cancelled":
		raise Conflict(_("Your subscription was cancelled. Please subscribe again."))
	return subscription.name


def require_state(user: str, plan_id: str | None, states: tuple[str, ...], sentence: str):
	"""For the two narrower calls: refuse when the subscription is not in the state they are for."""
	subscription = main_subscription(user, plan_id)
	if not subscription or subscription.status not in states:
		raise Conflict(sentence)


# Looking ------------------------------------------------------------------------------------------


def main_subscription(user: str, plan_id: str | None = None):
	"""The customer's subscription that matters most, or None."""
	filters = {"user": user, **({"plan": plan_id} if plan_id else {})}
	fields = ["name", "plan", "status", "start_date", "end_date", "daily_quota_limit", "daily_quota_remaining",
		"quota_reset_on", "api_key_link", "current_invoice"]  # fmt: skip
	rows = frappe.get_all("AI Subscription", filters, fields, order_by="creation desc")
	return min(rows, key=lambda row: RANK.index(row.status)) if rows else None


def live_subscription(user: str, plan: str) -> str | None:
	return frappe.db.get_value(
		"AI Subscription", {"user": user, "plan": plan, "status": ("in", LIVE)}, "name"
	)


def subscription_summary(user: str) -> dict | None:
	"""What a customer sees of the subscription: plan, dates, quota, the start of the key."""
	row = main_subscription(user)
	if not row:
		return None
	plan = frappe.get_cached_doc("AI Plan", row.plan)
	prefix = row.api_key_link and frappe.db.get_value("AI API Key", row.api_key_link, "key_prefix")
	fresh = (
		row.quota_reset_on and getdate(row.quota_reset_on) <= today() and row.status in ("Active", "Trial")
	)
	return {
		"subscription_id": row.name,
		"plan": row.plan,
		"plan_name": plan.plan_name,
		"status": row.status,
		"start_date": row.start_date,
		"end_date": row.end_date,
		"quota": {
			"limit": row.daily_quota_limit,
			"remaining": row.daily_quota_limit if fresh else row.daily_quota_remaining,
			"unlimited": row.daily_quota_limit == -1,
			"reset_on": row.quota_reset_on,
		},
		"api_key_prefix": prefix,
		"api_key_waiting": after_commit.has_key_to_pick_up(row.name),
		"open_invoice": open_invoice(row.name),
	}


# Ending and keys ----------------------------------------------------------------------------------


def cancel(user: str) -> dict:
	"""End the customer's subscription now, with its open invoices where no payment is under way."""
	return in_transaction(end, _own(user).name)


def end(name: str) -> dict:
	"""End one subscription with its keys; what was paid in part goes back. The caller commits."""
	for invoice_name in frappe.get_all(
		"AI Invoice", {"subscription": name, "status": ("in", OPEN_INVOICES)}, pluck="name"
	):
		invoice = lock("AI Invoice", invoice_name)
		if invoice.can_move_to("Cancelled"):
			invoice.mark_as_cancelled()
		elif invoice.status == "Partly Paid":
			overpayment.apply_policy_to_parts(invoice)
			after_commit.enqueue_after_commit(
				"oropendola_payments.engine.refunds.process.process_invoice", invoice=invoice_name
			)
	subscription = lock("AI Subscription", name)
	subscription.cancel()
	return {"subscription_id": name, "status": subscription.status}


def rotate_key(user: str) -> dict:
	return in_transaction(_rotate, _own(user).name)


def _rotate(name: str) -> dict:
	subscription = lock("AI Subscription", name)
	key = subscription.rotate_api_key()
	after_commit.pick_up_key(name)  # a key that was never shown is no longer good
	after_commit.enqueue("oropendola_payments.engine.notifications.hooks.key_rotated", subscription=name)
	return {"api_key": key, "subscription_id": name}


def reveal_key(user: str) -> dict:
	"""The key that a payment made while nobody was looking; once."""
	key = after_commit.pick_up_key(_own(user).name)
	if not key:
		raise NotFound(_("Your API key was already shown. If you lost it, make a new one."))
	return {"api_key": key}


def _own(user: str):
	subscription = main_subscription(user)
	if not subscription:
		raise NotFound(_("You have no subscription yet. Please choose a plan first."))
	return subscription


def _plan(plan_id: str):
	if not frappe.db.exists("AI Plan", plan_id):
		raise NotFound(_("There is no plan {0}.").format(plan_id))
	return frappe.get_cached_doc("AI Plan", plan_id)


# Fulfilment ---------------------------------------------------------------------------------------


def fulfil_again(invoice_name: str) -> dict:
	"""Re-run what a verified payment should have given. Refuses without one; a second run changes nothing."""
	return in_transaction(_fulfil_again, invoice_name)


def _money_that_serves(invoice: str) -> Decimal:
	"""What was captured for the invoice and neither sent back nor kept as credit."""
	rows = frappe.get_all("Payment Capture", {"invoice": invoice}, ["amount", "surplus"])
	return sum((to_decimal(row.amount) - to_decimal(row.surplus or 0) for row in rows), Decimal(0))


def _fulfil_again(invoice_name: str) -> dict:
	if not frappe.db.exists("AI Invoice", invoice_name):
		raise NotFound(_("There is no invoice {0}.").format(invoice_name))
	invoice = lock("AI Invoice", invoice_name)
	covered = _money_that_serves(invoice.name)
	if invoice.status != "Paid" or invoice.paid() < invoice.total() or (invoice.total() and not covered):
		message = _("Invoice {0} is {1} and has no verified payment, so nothing can be given for it.")
		raise Conflict(message.format(invoice.name, _(invoice.status)))
	if not fulfil(invoice):
		raise Conflict(
			_("The subscription of invoice {0} was cancelled. Please refund the payment.").format(
				invoice.name
			)
		)
	subscription = frappe.get_doc("AI Subscription", invoice.subscription) if invoice.subscription else None
	return {
		"invoice_id": invoice.name,
		"subscription_id": invoice.subscription,
		"status": subscription.status if subscription else None,
		"end_date": subscription.end_date if subscription else None,
	}
