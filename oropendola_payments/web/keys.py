"""The API keys of a subscription on the billing page, and what its buttons do."""

from frappe import _

from oropendola_payments.ai_billing.current import current
from oropendola_payments.engine.keys import listing, manage, reveal, rotate
from oropendola_payments.web import shell, words

USUAL_OVERLAP_HOURS = 24


def section(subscription: str, plan: str) -> dict:
	"""Return what the page shows of the keys of a subscription that is served."""
	keys = [_key(key) for key in listing.keys_of(subscription)]
	limit, active = current("AI Plan", plan).key_limit(), [key for key in keys if not key["until"]]
	return {
		"keys": keys,
		"can_name": limit > 1,
		"can_create": len(active) < limit,
		"count": _("{0} of {1} keys").format(words.number(len(active)), words.number(limit))
		if limit > 1
		else "",
		"overlap": _overlap(),
		"prefix": next((key["prefix"] for key in active if key["prefix"]), "oro_"),
	}


def _key(key: dict) -> dict:
	used, retires = key["last_used_on"], key["status"] == "Retiring"
	return {
		"id": key["key_id"],
		"name": key["name"],
		"prefix": key["prefix"] or "",
		"waits": not key["is_shown"],
		"until": words.moment(key["valid_until"]) if retires else "",
		"used": _("Last used on {0}").format(words.day(used)) if used else _("Not used yet"),
	}


def _overlap() -> dict | None:
	"""Return the hours that the page offers, and how it says them. None if the site allows no overlap."""
	hours = min(USUAL_OVERLAP_HOURS, rotate.longest_overlap())
	if not hours:
		return None
	text = (
		_("The old key stops working in one hour")
		if hours == 1
		else _("The old key stops working in {0} hours")
	)
	return {"hours": hours, "text": text.format(words.number(hours))}


# Buttons ------------------------------------------------------------------------------------------


def show_key(context):
	_answer_with_key(context, lambda user: reveal.reveal(user, chosen_subscription()))


def rotate_key(context):
	offered, key = _overlap(), shell.posted("key") or None
	hours = offered["hours"] if offered and shell.posted("overlap") else 0
	_answer_with_key(context, lambda user: rotate.rotate(user, chosen_subscription(), key, hours))


def create_key(context):
	_answer_with_key(context, lambda user: manage.create(user, shell.posted("name"), chosen_subscription()))


def rename_key(context):
	with shell.refusals_lead_to("/billing"):
		manage.rename(shell.require_login(), shell.posted("key"), shell.posted("name"))
	shell.redirect("/billing")


def revoke_key(context):
	with shell.refusals_lead_to("/billing"):
		manage.revoke(shell.require_login(), shell.posted("key"))
	shell.redirect("/billing")


def _answer_with_key(context, make_key):
	"""Show the key in the answer to the POST, without a redirect, because no page that can be reloaded may contain it."""
	with shell.refusals_lead_to("/billing"):
		context.new_key = make_key(shell.require_login())["api_key"]


def chosen_subscription() -> str | None:
	"""Return the subscription whose button was pressed."""
	return shell.posted("subscription") or None


ACTIONS = {
	"show_key": show_key,
	"rotate_key": rotate_key,
	"create_key": create_key,
	"rename_key": rename_key,
	"revoke_key": revoke_key,
}
