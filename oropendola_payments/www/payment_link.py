"""The page of a payment link. A GET only reads; a POST with the token of its form starts a payment or asks for a new link."""

import frappe
from frappe import _

from oropendola_payments.ai_billing import payment_methods
from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN as OPEN_ATTEMPTS
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.ai_billing.known_gateways import adapter_class, is_known
from oropendola_payments.engine.checkout import gateway_choice
from oropendola_payments.engine.gateway.registry import settings_of
from oropendola_payments.engine.link_checkout import form_token, outcome, send
from oropendola_payments.engine.link_checkout import pay as link_checkout
from oropendola_payments.engine.links.find import find, invoice_of, standing
from oropendola_payments.exceptions import BadRequest, Refusal, is_refusal, sentence_of
from oropendola_payments.web import parts, policy, shell, window, words

no_cache = 1
sitemap = 0
PREFIX = "/p/"
NOTICES = {"Simulator": "simulator", "Test": "test"}
# The gateway's page needs our origin, but never gets the path.
ORIGIN_ONLY = "strict-origin"


def get_context(context):
	page = shell.open_page(context, _("Pay an invoice"))
	policy.keep_secret()
	# Not back here: the token would be in the address of the login page.
	page.update({"says_who_takes_the_card": True, "login": shell.login_address("/billing")})
	token = _token()
	try:
		link = find(token)
	except Refusal as error:
		return _refused(context, error)
	context.update({"address": f"{PREFIX}{token}", "sent": False, "form_token": form_token.make(link.name)})
	if shell.is_post():
		_act(context, page, link, token)
	attempt = _attempt_of(link, shell.query_param("attempt"))
	if attempt:
		return _lead_to_gateway(context, page, attempt)
	_show(context, page, link)


def _token() -> str:
	path = frappe.local.request.path
	return path.removeprefix(PREFIX) if path.startswith(PREFIX) else ""


def _refused(context, error: Refusal):
	context.http_status_code = error.http_status_code
	context.update({"view": "unknown", "reason": sentence_of(error)})
	frappe.clear_messages()


# What is shown ------------------------------------------------------------------------------------


def _show(context, page, link):
	invoice = invoice_of(link)
	context.view = standing(link, invoice)
	context.can_resend = not invoice.is_external()
	context.bill = _bill(invoice) if context.view in ("pay", "paid", "review", "too_often") else None
	if context.view == "pay":
		_add_gateways(context, page, invoice)


def _bill(invoice) -> dict:
	"""Return what a payer must know, and nothing more: no address, no history, not the whole number, not the name."""
	plan = invoice.plan and current("AI Plan", invoice.plan)
	name = frappe.db.get_value("User", invoice.user, "full_name") or ""
	return {
		"what": words.translated(plan and plan.plan_name) or invoice.description or _("Invoice"),
		"due": words.money(invoice.outstanding(), invoice.currency),
		"total": words.money(invoice.total(), invoice.currency),
		"currency": invoice.currency,
		"due_date": words.day(invoice.due_date),
		"number": invoice.name[-4:],
		"seller": _seller(invoice),
		"customer": "" if invoice.is_external() else name[:1].upper(),
		"is_under_way": _is_under_way(invoice),
		"in_transit": _is_under_way(invoice, in_transit=1),
	}


def _seller(invoice) -> str:
	"""Return who gets the money: of a document of another app, the company whose account it names."""
	account = invoice.requested_gateway
	return (is_known(account) and settings_of(account).company) or shell.brand()


def _is_under_way(invoice, **more) -> bool:
	filters = {"invoice": invoice.name, "status": ("in", OPEN_ATTEMPTS), **more}
	return bool(frappe.db.exists("Payment Attempt", filters))


def _add_gateways(context, page, invoice):
	offered = link_checkout.choices(invoice)
	wanted = page.typed.get("gateway") or shell.query_param("gateway")
	known = {entry["id"] for entry in offered["gateways"]}
	chosen = wanted if wanted in known else offered["default"]
	entries = sorted(offered["gateways"], key=lambda entry: entry["id"] != offered["default"])
	context.gateways = [_gateway(entry, chosen, offered["default"]) for entry in entries]
	context.part_options = parts.options_of_link(invoice, parts.Wish(page.typed.get("pay", "")))
	context.invoice = {"currency": invoice.currency}
	context.email, context.phone = page.typed.get("email", ""), page.typed.get("phone", "")
	context.email_help = _needed_by(entries, "needs_email")
	context.phone_help = _needed_by(entries, "needs_phone")


def _gateway(entry: dict, chosen: str | None, default: str | None) -> dict:
	return {
		"id": entry["id"],
		"name": entry["name"],
		"methods": payment_methods.labels(entry["methods"]),
		"is_chosen": entry["id"] == chosen,
		"is_recommended": entry["id"] == default,
		"is_degraded": entry["degraded"],
		"kind": NOTICES.get(entry["mode"], ""),
	}


def _needed_by(entries: list[dict], what: str) -> str:
	names = [entry["name"] for entry in entries if getattr(adapter_class(entry["id"]).capabilities, what)]
	kept = _("Only the payment provider gets it.")
	return f"{_('Required for {0}; optional otherwise.').format(', '.join(names))} {kept}" if names else kept


def _attempt_of(link, name: str):
	"""Return the payment of this link that the payer is about to make."""
	if not name or frappe.db.get_value("Payment Attempt", name, "payment_link") != link.name:
		return None
	return frappe.get_doc("Payment Attempt", name)


def _lead_to_gateway(context, page, attempt):
	data = attempt.checkout()
	form, url = data.get("form"), data.get("url")
	if not attempt.is_open() or (not data and attempt.status != "Created"):
		shell.redirect(
			outcome.result_path(attempt.name)
		)  # ended, or the gateway did not answer and is queried
	policy.keep_secret(ORIGIN_ONLY)
	context.update({"view": "leave" if form or url else "prepared", "form": form, "link": url})
	context.payment = _payment(attempt)
	if data.get("sdk") and not (form or url) and window.prepare(context, page, attempt, data):
		context.view = "window"
		return
	if form:
		shell.set_policy(policy.posts_away(shell.current_policy(), form["action"]))
	elif url:
		page.refresh = {"seconds": 0, "address": url, "without_script_only": True}
	else:
		page.refresh = {"seconds": shell.LOOK_AGAIN_SECONDS, "address": None, "without_script_only": False}
	shell.add_script(page, "pay")


def _payment(attempt) -> dict:
	return {
		"gateway": gateway_choice.label_of(attempt.gateway),
		"amount": words.money(attempt.payment_ref().amount, attempt.currency),
		"mode": attempt.mode,
		"result": outcome.result_path(attempt.name),
	}


# Buttons ------------------------------------------------------------------------------------------


def _act(context, page, link, token: str):
	action = ACTIONS.get(shell.posted("action"))
	if not action:
		return
	page.typed = {name: shell.posted(name) for name in ("gateway", "email", "phone", "pay")}
	try:
		with acting_as("API"):
			_require_form(link)
			address = action(context, token, page.typed)
	except Exception as error:
		if not is_refusal(error):
			raise
		frappe.db.rollback()
		frappe.clear_messages()
		page.problem = sentence_of(error)
		context.http_status_code = getattr(error, "http_status_code", 422)
		return
	if address:
		shell.redirect(address)


def _require_form(link):
	if not form_token.is_valid(shell.posted("form_token"), link.name):
		raise BadRequest(_("This page was open for too long. Please try again."))


def _pay(context, token: str, typed: dict) -> str:
	next_part = typed["pay"] == parts.NEXT
	attempt = link_checkout.pay(token, typed["gateway"] or None, typed["email"], typed["phone"], next_part)
	return f"{PREFIX}{token}?attempt={attempt}"


def _resend(context, token: str, typed: dict) -> None:
	send.resend(token)
	context.sent = True


ACTIONS = {"pay": _pay, "resend": _resend}
