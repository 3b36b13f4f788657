"""Billing page: subscriptions, quotas, API keys and invoices."""

from collections.abc import Callable
from functools import partial

import frappe
from frappe import _
from frappe.utils import cint, get_url

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN, SETTLED
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN as OPEN_ATTEMPTS
from oropendola_payments.engine.dunning import opt_out
from oropendola_payments.engine.subscriptions import lookup, renewal
from oropendola_payments.engine.webhooks_out import endpoints
from oropendola_payments.web import (
	billing_form,
	coupons,
	ending,
	keys,
	parts,
	plan_changes,
	shell,
	words,
)
from oropendola_payments.web.documents import documents_of, shown
from oropendola_payments.www import credits

no_cache = 1
sitemap = 0
PAGE_LENGTH = 20
SERVED = ("Active", "Trial")


def get_context(context):
	page, user = shell.open_page(context, _("Billing"), here="billing"), shell.require_login()
	shell.add_script(page, "billing")
	context.update({"new_key": "", "done": ""})
	if shell.is_post():
		_act(context)
	context.update(
		{
			"subscriptions": [_subscription(mine) for mine in _summaries(user)],
			"webhooks_on": endpoints.customers_may(),
			"reminders_on": not opt_out.has_opted_out(user, "Email"),
			"name": frappe.db.get_value("User", user, "first_name") or "",
			"example_url": get_url("/api/method/oropendola_payments.api.usage.consume"),
			"instalments": parts.running(user),
			"credits": credits.section(user),
			"profile": billing_form.fields(page),
			"profile_saved": shell.query_param("saved") == "profile"
			and _("Your billing details were saved."),
			**_invoices(user),
		}
	)


def _summaries(user: str) -> list[dict]:
	"""Return the customer's subscriptions; a cancelled one only if there is no other."""
	last = (lookup.subscription_summary(user, row.name) for row in lookup.subscriptions_of(user)[:1])
	return lookup.subscription_summaries(user) or [summary for summary in last if summary]


# Buttons ------------------------------------------------------------------------------------------


def _act(context):
	action = ACTIONS.get(shell.posted("action"))
	if action:
		action(context)


def _log_out(context):
	frappe.local.login_manager.logout()
	shell.redirect("/plans")


def _renew(context):
	with shell.refusals_lead_to("/billing"):
		invoice = renewal.renew(shell.require_login(), subscription_id=keys.chosen_subscription())[
			"invoice_id"
		]
	shell.redirect(f"/checkout?invoice={invoice}")


def _change(work: Callable[[str, str | None], object], context):
	"""Cancel, pause and the like, each of which leads back to the page."""
	with shell.refusals_lead_to("/billing"):
		work(shell.require_login(), keys.chosen_subscription())
	shell.redirect("/billing")


def _stop_reminders(context):
	_set_reminders(enabled=False)


def _start_reminders(context):
	_set_reminders(enabled=True)


def _set_reminders(enabled: bool):
	with shell.refusals_lead_to("/billing"):
		opt_out.set_all_reminders(shell.require_login(), enabled)
	shell.redirect("/billing")


def _save_profile(context):
	billing_form.save(shell.require_login(), "/billing")
	shell.redirect("/billing?saved=profile#profile")


ACTIONS: dict[str, Callable] = {
	"save_profile": _save_profile,
	"log_out": _log_out,
	"renew": _renew,
	"stop_reminders": _stop_reminders,
	"start_reminders": _start_reminders,
	**{name: partial(_change, work) for name, work in (ending.ACTIONS | plan_changes.ACTIONS).items()},
	**keys.ACTIONS,
	**credits.ACTIONS,
}


# What is shown ------------------------------------------------------------------------------------


def _subscription(mine: dict) -> dict:
	status, quota = mine["status"], mine["quota"]
	plan = current("AI Plan", mine["plan"])
	limit, remaining = cint(quota["limit"]), max(0, cint(quota["remaining"]))
	open_invoice, is_exhausted = _open_invoice(mine)
	in_parts = parts.is_running(open_invoice)
	return {
		"id": mine["subscription_id"],
		"plan": words.translated(mine["plan_name"]),
		"state": words.state(words.SUBSCRIPTION_STATES, status),
		"sentence": _sentence(mine, plan),
		"coupon": coupons.of_subscription(mine["coupon"], mine["coupon_periods_left"]),
		"is_served": status in SERVED,
		"is_over": status in ("Expired", "Cancelled"),
		"limit": limit,
		"used": max(0, limit - remaining),
		"is_unlimited": quota["unlimited"],
		"quota_text": _quota_text(limit, remaining),
		"resets": words.day(quota["reset_on"]),
		"api": keys.section(mine["subscription_id"], mine["plan"]) if status in SERVED else {},
		"open_invoice": None if in_parts else open_invoice,
		"renew": "" if in_parts else _("Get a new invoice") if is_exhausted else _renew_word(status, plan),
		**ending.shown(mine),
		**plan_changes.shown(mine),
	}


def _open_invoice(mine: dict) -> tuple[str | None, bool]:
	"""Return the invoice to pay, and whether the open one has no attempts left, so that a new one is offered instead."""
	name = mine["open_invoice"] if mine["status"] != "Cancelled" else None
	is_exhausted = bool(name) and frappe.get_doc("AI Invoice", name).is_exhausted()
	return (None if is_exhausted else name), is_exhausted


def _sentence(mine: dict, plan) -> str:
	end, status = words.day(mine["end_date"]), mine["status"]
	if status == "Pending":
		return _("It starts as soon as you pay the first invoice.")
	if mine["ends_on"]:
		return _("You cancelled it. It works until {0}, and then it ends.").format(end)
	if mine["pause"]:
		text = _(
			"It is paused, and so is your API key. It continues on {0} by itself. Paid days that are kept: {1}."
		)
		return text.format(words.day(mine["pause"]["resumes_on"]), words.number(mine["pause"]["days_left"]))
	if status == "Trial":
		return _("Your trial runs until {0}. Subscribe before then to keep your API key working.").format(end)
	if status == "Active" and not end:
		return _("It is free and has no end date.")
	if status == "Active":
		return _("It runs until {0} and does not renew automatically.").format(end)
	if status == "Past Due":
		return _(
			"It ended on {0} and your API key is paused. Pay for the next period to use it again."
		).format(end)
	if status == "Expired":
		return _("It ended on {0}. Renew it to use your API key again.").format(end)
	return _("It was cancelled. You can choose a plan again at any time.")


def _renew_word(status: str, plan) -> str:
	if plan.is_really_free() or not cint(plan.is_active) or status in ("Pending", "Paused", "Cancelled"):
		return ""
	return _("Subscribe now") if status == "Trial" else _("Renew")


def _quota_text(limit: int, remaining: int) -> str:
	text = _("{0} of {1} requests used today")
	return text.format(words.number(max(0, limit - remaining)), words.number(limit))


def _invoices(user: str) -> dict:
	page = max(1, cint(shell.query_param("page")))
	names = frappe.get_all(
		"AI Invoice",
		{"user": user},
		pluck="name",
		order_by="creation desc",
		limit_start=(page - 1) * PAGE_LENGTH,
		limit_page_length=PAGE_LENGTH + 1,
	)
	issued = documents_of(names[:PAGE_LENGTH])
	return {
		"invoices": [
			_invoice(frappe.get_doc("AI Invoice", name), issued.get(name, [])) for name in names[:PAGE_LENGTH]
		],
		"newer": page - 1 if page > 1 else None,
		"older": page + 1 if len(names) > PAGE_LENGTH else None,
	}


def _invoice(doc, issued: list[dict]) -> dict:
	plan = doc.plan and frappe.get_cached_value("AI Plan", doc.plan, "plan_name")
	return {
		"name": doc.name,
		"what": words.translated(plan) or doc.description or "",
		"date": words.day(doc.creation),
		"amount": words.money(doc.total(), doc.currency),
		"coupon": doc.coupon or "",
		"due": words.money(doc.outstanding(), doc.currency) if doc.status == "Partly Paid" else "",
		"state": words.state(words.INVOICE_STATES, doc.status),
		"action": _action(doc),
		"is_payable": doc.is_payable(),
		"documents": shown(doc.document_state, issued),
	}


def _action(doc) -> dict | None:
	"""Return the action that is offered for an invoice."""
	if doc.status in SETTLED:
		return {"word": _("Receipt"), "address": f"/receipt?invoice={doc.name}", "quiet": True}
	if doc.status not in OPEN:
		return None
	attempt = frappe.db.get_value(
		"Payment Attempt", {"invoice": doc.name, "status": ("in", OPEN_ATTEMPTS)}, "name"
	)
	if doc.status == "Processing" and attempt:
		return {"word": _("Check status"), "address": f"/payment-result?invoice={doc.name}", "quiet": True}
	if doc.status in ("Failed", "Abandoned"):
		address = f"/checkout?invoice={doc.name}"
		if doc.can_retry():
			return {"word": _("Try again"), "address": address, "quiet": False}
		return {"word": _("Get help"), "address": f"{address}#contact", "quiet": True}
	return {"word": _("Pay"), "address": f"/checkout?invoice={doc.name}", "quiet": False}
