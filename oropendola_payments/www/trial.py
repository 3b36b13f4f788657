"""Trial page: confirm a phone number with a code to start a free trial, or order without one."""

from urllib.parse import quote

import frappe
from frappe import _

from oropendola_payments.engine.phone.numbers import phone_of
from oropendola_payments.engine.subscriptions import lifecycle, trial_phone
from oropendola_payments.engine.subscriptions.catalogue import get_plan
from oropendola_payments.engine.subscriptions.lifecycle import TrialWish
from oropendola_payments.exceptions import NotFound
from oropendola_payments.web import shell, words

no_cache = 1
sitemap = 0


def get_context(context):
	page, user = shell.open_page(context, _("Free trial")), shell.require_login()
	plan_id = shell.posted("plan") or shell.query_param("plan")
	currency = shell.posted("currency") or shell.query_param("currency")
	try:
		plan = get_plan(plan_id)
	except NotFound:
		frappe.clear_messages()
		return shell.not_found(context, _("Plan not found"), _("Please choose one on the plans page."))
	context.update({"sent": None})
	if shell.is_post():
		_act(context, user, plan, currency)
	elif not trial_phone.is_needed(user, plan):
		shell.redirect(f"/plans?currency={quote(currency)}&plan={quote(plan.name)}")
	context.update(
		{
			"plan": {
				"id": plan.name,
				"name": words.translated(plan.plan_name),
				"days": words.number(plan.trial_days),
			},
			"currency": currency,
			"phone": shell.posted("phone") or page.typed.get("phone") or phone_of(user),
		}
	)
	page.title = _("Free trial of {0}").format(words.translated(plan.plan_name))


def _act(context, user: str, plan, currency: str):
	here, phone = f"/trial?plan={quote(plan.name)}&currency={quote(currency)}", shell.posted("phone")
	action = shell.posted("action")
	with shell.refusals_lead_to(here, phone=phone):
		if action == "send_code":
			context.sent = trial_phone.send_code(user, plan.name, phone or None)
			return
		wish = TrialWish(
			wanted=action != "without_trial", phone=phone or None, code=shell.posted("otp") or None
		)
		answer = lifecycle.subscribe(user, plan.name, currency or None, reveal_key=False, trial=wish)
	shell.redirect(f"/checkout?invoice={answer['invoice_id']}" if answer.get("invoice_id") else "/billing")
