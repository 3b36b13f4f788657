"""The customer's webhook endpoints: register, change, test and remove them, and see what was sent."""

from frappe import _

from oropendola_payments.ai_billing import webhook_types
from oropendola_payments.engine.webhooks_out import endpoints, log
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.web import shell, words

no_cache = 1
sitemap = 0
PAGE = "/webhooks"
LONGEST = 500
SHOWN = 10  # deliveries of each endpoint
STATES = {
	"Active": ("Active", "good"),
	"Disabled": ("Disabled", "bad"),
	"Waiting": ("Waiting", "wait"),
	"Delivered": ("Delivered", "good"),
	"Given Up": ("Given up", "bad"),
}


def get_context(context):
	page, user = shell.open_page(context, _("Webhooks")), shell.require_login()
	shell.add_script(page, "billing")
	if not endpoints.customers_may():
		return shell.not_found(
			context,
			_("Webhooks are not available"),
			_("This site does not send events to customers' programs."),
		)
	context.update({"new_secret": "", "done": "", "view": "list"})
	if shell.is_post():
		_act(context, user)
	context.update(
		{
			"endpoints": [_endpoint(row) for row in endpoints.list_of(user)],
			"types": webhook_types.CUSTOMER_TYPES,
			"sent": shell.query_param("sent"),
		}
	)


# Buttons ------------------------------------------------------------------------------------------


def _act(context, user: str):
	action = ACTIONS.get(shell.posted("action"))
	if action:
		with shell.refusals_lead_to(PAGE, url=shell.posted("url")[:LONGEST]):
			action(context, user)


def _create(context, user):
	"""Show the secret in the answer to the POST, without a redirect, because no page that can be reloaded may contain it."""
	endpoints.require_customers_may()
	context.new_secret = endpoints.create(user, _url(), _events())["secret"]


def _rotate(context, user):
	context.new_secret = endpoints.rotate_secret(_own(user), 24 if shell.posted("overlap") else 0)["secret"]


def _change(context, user):
	endpoints.update(_own(user), _url(), _events(), None)
	shell.redirect(PAGE)


def _disable(context, user):
	endpoints.disable(_own(user))
	shell.redirect(PAGE)


def _enable(context, user):
	endpoints.enable(_own(user))
	shell.redirect(PAGE)


def _delete(context, user):
	endpoints.delete(_own(user))
	shell.redirect(PAGE)


def _test(context, user):
	log.send_test(_own(user))
	shell.redirect(f"{PAGE}?sent=test")


def _resend(context, user):
	log.resend(log.own(user, shell.posted("delivery")))
	shell.redirect(f"{PAGE}?sent=resend")


def _own(user: str) -> str:
	return endpoints.own(user, shell.posted("endpoint"))


def _url() -> str:
	url = shell.posted("url")
	if not url:
		raise BadRequest(_("Please enter the URL of your server."))
	return url


def _events() -> list[str]:
	"""Return the chosen events; an empty field means all."""
	return list(dict.fromkeys(shell.posted("events").replace(",", " ").split()))[:100]


ACTIONS = {
	"create": _create,
	"rotate": _rotate,
	"change": _change,
	"disable": _disable,
	"enable": _enable,
	"delete": _delete,
	"test": _test,
	"resend": _resend,
}


# What is shown ------------------------------------------------------------------------------------


def _endpoint(row: dict) -> dict:
	seen = row["last_success_on"]
	return {
		"id": row["endpoint"],
		"url": row["url"],
		"is_active": row["status"] == "Active",
		"state": words.state(STATES, row["status"]),
		"sentence": _sentence(row),
		"events": ", ".join(row["events"]) or _("All events"),
		"chosen": " ".join(row["events"]),
		"seen": _("Last delivery on {0}").format(words.moment(seen)) if seen else _("Nothing delivered yet"),
		"overlap": words.moment(row["old_secret_valid_until"]) if row["old_secret_valid_until"] else "",
		"deliveries": [_delivery(each) for each in log.deliveries(row["endpoint"])["deliveries"][:SHOWN]],
	}


def _sentence(row: dict) -> str:
	if row["disabled_reason"] == "Gone":
		return _("Your server answered 410 Gone, so nothing more is sent.")
	if row["disabled_reason"] == "Failing":
		return _("Nothing could be delivered for days, so nothing more is sent.")
	if row["failing_since"]:
		error = words.translated(row["last_error"])
		return _("Deliveries have failed since {0}: {1}").format(words.moment(row["failing_since"]), error)
	return ""


def _delivery(row: dict) -> dict:
	return {
		"id": row["delivery"],
		"type": row["type"],
		"date": words.moment(row["created_on"]),
		"state": words.state(STATES, row["status"]),
		"error": words.translated(row["last_error"]) if row["last_error"] else "",
	}
