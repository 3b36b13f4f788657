"""Pay page: continue to the gateway with a form, script, code, UPI request or link. A GET changes nothing."""

import frappe
from frappe import _
from frappe.utils import get_datetime, get_url, now_datetime

from oropendola_payments.engine.checkout import cancel, gateway_choice, submit_otp
from oropendola_payments.engine.frontends.outcome import frame_origin
from oropendola_payments.engine.gateway.mode_guard import is_page_outdated
from oropendola_payments.engine.gateway.simulated import approval_url
from oropendola_payments.engine.link_checkout import outcome
from oropendola_payments.engine.phone import numbers, otp
from oropendola_payments.money import to_decimal
from oropendola_payments.web import policy, shell, window, words
from oropendola_payments.web.order import own_attempt

no_cache = 1
sitemap = 0
EMBEDDED = ("embedded", "inline")


def get_context(context):
	page = shell.open_page(context, _("Payment"))
	visited = _seen_by_visitor(page.user)
	attempt = visited or own_attempt(
		shell.require_login(), shell.posted("attempt") or shell.query_param("attempt")
	)
	if not attempt:
		return shell.not_found(
			context,
			_("Payment not found"),
			_("It may belong to another account. You can find your own invoices on the billing page."),
		)
	if shell.is_post() and not visited:
		_act(attempt)
	context.update({"is_visitor": bool(visited), "payment": _payment(attempt)})
	if visited:
		_prepare_for_visitor(context, page, attempt)
	# A payment through a link is somebody else's: its form contains what the payer typed.
	if not attempt.is_open() or attempt.in_transit or attempt.payment_link:
		shell.redirect(context.payment["result"])
	data = attempt.checkout()
	context.view = view_of(attempt, data)
	if visited and context.view == "otp":
		context.view = "unknown"  # a code is for somebody who is logged in
	page.title = _("Pay with {0}").format(context.payment["gateway"])
	PREPARE[context.view](context, page, attempt, data)
	if frame := frame_origin(attempt):
		shell.set_policy(policy.framed_by(shell.current_policy(), frame))


def _seen_by_visitor(user: str | None):
	"""Return the payment that the signature of this address opens for the visitor of a frontend, who has no session here."""
	attempt = outcome.signed_attempt(shell.query_param("attempt"), shell.query_param("view"))
	return attempt if attempt and attempt.return_origin and attempt.user != user else None


def _prepare_for_visitor(context, page, attempt):
	page.login = shell.login_address("/billing")
	result = outcome.result_path(attempt.name)
	address = get_url(result.replace("/payment-result", "/pay", 1))
	context.payment.update({"result": result, "address": address})


def view_of(attempt, data: dict) -> str:
	"""Return the view for the gateway's answer. What works without JavaScript comes first."""
	if attempt.phone_check == "Needed":
		return "otp"
	if attempt.expires_at and get_datetime(attempt.expires_at) < now_datetime():
		return "expired"
	if not data:
		return "prepared"
	if is_page_outdated(attempt):
		return "outdated"
	if data.get("next_action") in ("otp", "upi"):
		return data["next_action"]
	if data.get("sdk") and (attempt.flow in EMBEDDED or not (data.get("form") or data.get("url"))):
		return "sdk"
	if data.get("form"):
		return "form"
	return "link" if data.get("url") else "unknown"


def _payment(attempt) -> dict:
	return {
		"attempt": attempt.name,
		"invoice": attempt.invoice,
		"gateway": gateway_choice.label_of(attempt.gateway),
		"amount": words.money(to_decimal(attempt.amount), attempt.currency),
		"mode": attempt.mode,
		"address": get_url(f"/pay?attempt={attempt.name}"),
		"state": words.watched_state(frappe.db.get_value("AI Invoice", attempt.invoice, "status"), attempt),
		"result": f"/payment-result?attempt={attempt.name}",
		"other_way": f"/checkout?invoice={attempt.invoice}",
		"expires": words.clock(attempt.expires_at),
	}


# Buttons ------------------------------------------------------------------------------------------


def _act(attempt):
	action = ACTIONS.get(shell.posted("action"))
	if action:
		action(attempt)


def _cancel(attempt):
	with _refusals_return_here(attempt):
		answer = cancel.cancel(attempt.user, attempt.name)
	attempt.reload()
	paid = attempt.in_transit or answer["status"] in ("Paid", "Authorized")
	shell.redirect(
		f"/payment-result?attempt={attempt.name}" if paid else f"/checkout?invoice={attempt.invoice}"
	)


def _confirm_otp(attempt):
	"""Submit a code. After the bank's code redirect to the result page; ours only opens the payment at the gateway."""
	on = (
		f"/pay?attempt={attempt.name}"
		if attempt.phone_check == "Needed"
		else f"/payment-result?attempt={attempt.name}"
	)
	with _refusals_return_here(attempt):
		answer = submit_otp.confirm(attempt.user, attempt.name, shell.posted("otp").replace(" ", ""))
	if answer["accepted"] or answer["status"] not in ("Created", "Processing"):
		shell.redirect(on)
	shell.refuse(_refused_code(answer), _own_address(attempt), bank_page=answer.get("payment_url") or "")


def _resend_otp(attempt):
	with _refusals_return_here(attempt):
		answer = submit_otp.resend(attempt.user, attempt.name)
	if not answer["accepted"]:
		shell.refuse(answer.get("message"), _own_address(attempt))
	shell.redirect(f"/pay?attempt={attempt.name}&sent=1")


def _refusals_return_here(attempt):
	return shell.refusals_lead_to(_own_address(attempt))


def _own_address(attempt) -> str:
	return f"/pay?attempt={attempt.name}"


ACTIONS = {"cancel": _cancel, "confirm_otp": _confirm_otp, "resend_otp": _resend_otp}


def _refused_code(answer: dict) -> str:
	left = answer.get("attempts_left")
	if left == 0:
		return _("No more codes can be entered for this payment. Please choose another way to pay.")
	again = _("Attempts left: {0}").format(left) if left else _("Please check it and try again.")
	return f"{_('This code is incorrect.')} {again}"


# Views --------------------------------------------------------------------------------------------


def _prepare_form(context, page, attempt, data: dict):
	shell.set_policy(policy.posts_away(shell.current_policy(), data["form"]["action"]))
	context.update({"form": data["form"], "link": None})
	shell.add_script(page, "pay")


def _prepare_link(context, page, attempt, data: dict):
	context.update({"form": None, "link": data["url"]})
	# A link and no redirect, because `form-action` applies to redirects after a form.
	page.refresh = {"seconds": 0, "address": data["url"], "without_script_only": True}
	shell.add_script(page, "pay")


def _prepare_sdk(context, page, attempt, data: dict):
	if not window.prepare(context, page, attempt, data):
		context.view = "unknown"


def _prepare_otp(context, page, attempt, data: dict):
	context.code = _our_code(attempt) if attempt.phone_check == "Needed" else _bank_code()
	context.bank_page = page.typed.get("bank_page") or data.get("url")
	context.otp_message = (
		_("A new code is on its way.") if shell.query_param("sent") and not page.problem else ""
	)


def _our_code(attempt) -> dict:
	phone = numbers.phone_of(attempt.user)
	simulated = attempt.mode == "Simulator"
	return {
		"heading": _("Confirm your phone"),
		"help": _("We sent a code by SMS to {0}. Enter it to continue to the payment.").format(
			numbers.masked_phone(phone)
		),
		"hint": _("The simulator does not send an SMS. The code is {0}.").format(otp.SIMULATOR_CODE)
		if simulated
		else "",
		"button": _("Continue"),
	}


def _bank_code() -> dict:
	return {
		"heading": _("Your bank sent you a code"),
		"help": _("The code is in a message on your phone. Enter it here and your bank will check it."),
		"hint": "",
		"button": _("Confirm payment"),
	}


def _prepare_upi(context, page, attempt, data: dict):
	context.upi = data.get("upi") or {}
	context.approval = approval_url(attempt)
	# The script asks the API, which needs a log-in.
	page.refresh = {
		"seconds": shell.LOOK_AGAIN_SECONDS,
		"address": None,
		"without_script_only": not context.is_visitor,
	}
	shell.add_script(page, "watch")


def _prepare_prepared(context, page, attempt, data: dict):
	if attempt.status != "Created":  # the gateway did not answer, and the result page queries it
		shell.redirect(context.payment["result"])
	page.refresh = {"seconds": shell.LOOK_AGAIN_SECONDS, "address": None, "without_script_only": False}


def _prepare_nothing(context, page, attempt, data: dict):
	pass


PREPARE = {
	"form": _prepare_form,
	"link": _prepare_link,
	"sdk": _prepare_sdk,
	"otp": _prepare_otp,
	"upi": _prepare_upi,
	"prepared": _prepare_prepared,
	"expired": _prepare_nothing,
	"outdated": _prepare_nothing,
	"unknown": _prepare_nothing,
}
