"""Page for a change of plan: what it costs and when it takes effect, before the customer confirms it."""

from urllib.parse import quote

from frappe import _

from oropendola_payments.engine.plan_changes import confirm, preview
from oropendola_payments.exceptions import is_refusal, sentence_of
from oropendola_payments.web import plan_changes, shell, words

no_cache = 1
sitemap = 0


def get_context(context):
	page, user = shell.open_page(context, _("Change your plan"), here="plans"), shell.require_login()
	plan, subscription = _asked("plan"), _asked("subscription")
	mine = plan_changes.changeable(user)
	if not plan or not mine:
		shell.redirect("/plans")
	if shell.is_post():
		_confirm(user, plan, subscription)
	context.update({"choices": [], "quote": None, "refusal": ""})
	if not subscription and len(mine) > 1:
		context.choices = [_choice(row, plan) for row in mine]
		return
	_show(context, user, plan, subscription or mine[0].name)
	page.title = _("Change your plan")


def _asked(name: str) -> str:
	return shell.posted(name) or shell.query_param(name)


def _show(context, user: str, plan: str, subscription: str):
	try:
		context.quote = plan_changes.shown_quote(preview.preview(user, plan, subscription))
	except Exception as error:
		if not is_refusal(error):
			raise
		context.refusal = sentence_of(error)


def _confirm(user: str, plan: str, subscription: str):
	with shell.refusals_lead_to(f"/change-plan?plan={quote(plan)}&subscription={quote(subscription)}"):
		made = confirm.change(user, plan, shell.posted("quote"), subscription or None)
	if made["due_now"]:
		shell.redirect(f"/checkout?invoice={made['invoice_id']}")
	shell.redirect("/billing")


def _choice(row, plan: str) -> dict:
	return {
		"name": words.translated(plan_changes.name_of(row.plan)),
		"id": row.name,
		"state": words.state(words.SUBSCRIPTION_STATES, row.status),
		"address": f"/change-plan?plan={quote(plan)}&subscription={quote(row.name)}",
	}
