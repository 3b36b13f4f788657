"""Result page of a payment. A GET changes nothing, and a guest sees no data of the payment."""

from urllib.parse import urlencode

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import EXTERNAL, SETTLED
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN as OPEN_ATTEMPTS
from oropendola_payments.engine.checkout import gateway_choice
from oropendola_payments.engine.checkout.status import payment_status
from oropendola_payments.engine.entitlements import api_keys, free_plan
from oropendola_payments.engine.frontends.outcome import frame_origin, return_of
from oropendola_payments.engine.link_checkout import outcome
from oropendola_payments.engine.parts import schedule
from oropendola_payments.gateways.base import HOLD_RETURNED
from oropendola_payments.money import to_decimal
from oropendola_payments.web import policy, shell, words
from oropendola_payments.web.order import credits_of, own_attempt, own_invoice, was_declined

no_cache = 1
sitemap = 0
ROUNDS = 5
ENDED = {"Failed": "failed", "Cancelled": "cancelled_attempt", "Expired": "expired"}


def get_context(context):
	page = shell.open_page(context, _("Your payment"))
	if attempt := _seen_by_payer(page.user):
		return _show_payer(context, page, attempt)
	shell.add_script(page, "result")
	if not page.user:
		return _show_guest(context, page)
	invoice, attempt = _find(page.user)
	if not invoice:
		return shell.not_found(
			context,
			_("Payment not found"),
			_("It may belong to another account. You can find your own invoices on the billing page."),
		)
	if shell.is_post():
		_refresh_status(invoice, attempt)
	context.update({"view": view_of(invoice, attempt), "payment": _payment(invoice, attempt)})
	PREPARE.get(context.view, _prepare_nothing)(context, page, invoice)


def _show_guest(context, page):
	"""Reload the page once, from this site: after a cross-site POST the browser did not send the session cookie."""
	is_reloaded = bool(shell.query_param("back"))
	context.view = "guest" if is_reloaded else "returning"
	page.login = shell.login_address(_own_address())
	if not is_reloaded:
		context.once_more = f"{_own_address()}&back=1"
		page.refresh = {"seconds": 0, "address": context.once_more, "without_script_only": False}


def _seen_by_payer(user: str | None):
	"""Return the payment that the signature of this address opens: one through a link, or for a frontend.

	The owner of a payment through a link sees the whole page instead.
	"""
	attempt = outcome.signed_attempt(shell.query_param("attempt"), shell.query_param("view"))
	return attempt if attempt and (attempt.return_origin or attempt.user != user) else None


def _show_payer(context, page, attempt):
	back = return_of(attempt)
	context.update({"view": "payer", "outcome": outcome.state_of(attempt), "back": back, "frame": None})
	context.amount = words.money(attempt.payment_ref().amount, attempt.currency)
	context.given_back = words.translated(attempt.error_message) if _was_given_back(attempt) else ""
	context.document = _document_of(attempt)
	page.login = shell.login_address("/billing")
	rounds = cint(shell.query_param("round"))
	if context.outcome == "pending" and (not back or rounds < ROUNDS):
		_look_again(page, attempt, rounds + 1 if back else 0)
	elif back:
		_lead_back(page, back)
	if frame := frame_origin(attempt):
		context.frame = frame
		shell.set_policy(policy.framed_by(shell.current_policy(), frame))


def _was_given_back(attempt) -> bool:
	"""Return whether the account may show the amount, which is on its way back."""
	return attempt.error_code == HOLD_RETURNED


def _document_of(attempt) -> dict | None:
	"""Return the page that leads on, if this paid a document of another app, which has receipts of its own."""
	fields = ["purpose", "return_path"]
	invoice = frappe.db.get_value("AI Invoice", attempt.invoice, fields, as_dict=True)
	return {"path": invoice.return_path} if invoice.purpose == EXTERNAL else None


def _look_again(page, attempt, rounds: int):
	"""Wait a moment for the confirmation: a frontend is told that a payment is pending only if it takes longer."""
	address = f"{outcome.result_path(attempt.name)}&round={rounds}" if rounds else None
	page.refresh = {"seconds": shell.LOOK_AGAIN_SECONDS, "address": address, "without_script_only": False}


def _lead_back(page, back):
	shell.add_script(page, "return")
	if back.address:
		page.refresh = {"seconds": 0, "address": back.address, "without_script_only": True}


def view_of(invoice, attempt) -> str:
	"""Return the view. The invoice comes first, because another attempt may have paid it."""
	if invoice.status in ("Refunded", "Partly Refunded"):
		return "refunded"
	if invoice.status in SETTLED:
		return "paid"
	if invoice.status in ("Cancelled", "Closed"):
		return invoice.status.lower()
	if invoice.needs_review:
		return "review"
	if attempt and attempt.is_open():
		return _open_view(attempt)
	if invoice.status == "Partly Paid" and not _is_unpaid_part(attempt):
		return "partly"
	return ENDED.get(attempt.status, "failed") if attempt else _without_attempt(invoice)


def _is_unpaid_part(attempt) -> bool:
	"""Return whether this is an attempt to pay a part that was not completed, after an earlier part was paid."""
	return bool(attempt and attempt.is_part and attempt.status in ENDED)


def _open_view(attempt) -> str:
	"""Return the view of an open attempt. It stays open after a decline, and after the customer left the gateway's page."""
	if attempt.in_transit:
		return "in_transit"
	if attempt.payment_link:
		return "pending"  # only whoever has the link can continue it
	if was_declined(attempt):
		return "declined"
	return "left" if attempt.status == "Processing" and shell.query_param("cancelled") else "pending"


def _without_attempt(invoice) -> str:
	return "failed" if invoice.status in ("Failed", "Abandoned") else "unpaid"


def _own_address() -> str:
	asked = {name: shell.query_param(name) for name in ("attempt", "invoice", "cancelled")}
	return f"/payment-result?{urlencode({k: v for k, v in asked.items() if v}) or 'invoice='}"


def _find(user: str):
	"""Return the invoice and attempt of the URL, if they belong to this user."""
	attempt_name = shell.posted("attempt") or shell.query_param("attempt")
	invoice_name = shell.posted("invoice") or shell.query_param("invoice")
	attempt = own_attempt(user, attempt_name) if attempt_name else None
	if attempt_name and not attempt:
		return None, None
	invoice = own_invoice(user, attempt.invoice if attempt else invoice_name)
	if not invoice:
		return None, None
	return invoice, attempt or _latest_attempt(invoice, {"status": ("in", OPEN_ATTEMPTS)}) or _latest_attempt(
		invoice
	)


def _latest_attempt(invoice, filters: dict | None = None):
	filters = {"invoice": invoice.name, **(filters or {})}
	name = frappe.db.get_value("Payment Attempt", filters, "name", order_by="creation desc")
	return frappe.get_doc("Payment Attempt", name) if name else None


def _refresh_status(invoice, attempt):
	"""Refresh the status, for the button in browsers without JavaScript."""
	address = (
		f"/payment-result?attempt={attempt.name}" if attempt else f"/payment-result?invoice={invoice.name}"
	)
	with shell.refusals_lead_to(address):
		payment_status(invoice.user, invoice.name, attempt.name if attempt else None)
	shell.redirect(address)


def _payment(invoice, attempt) -> dict:
	plan = invoice.plan and current("AI Plan", invoice.plan)
	return {
		"invoice": invoice.name,
		"attempt": attempt.name if attempt else "",
		"state": words.watched_state(invoice.status, attempt),
		"result": f"/payment-result?attempt={attempt.name}"
		if attempt
		else f"/payment-result?invoice={invoice.name}",
		"what": words.translated(plan and plan.plan_name) or invoice.description or invoice.name,
		"gateway": gateway_choice.label_of(attempt.gateway) if attempt else "",
		"amount": words.money(to_decimal(attempt.amount if attempt else invoice.total()), invoice.currency),
		"total": words.money(invoice.total(), invoice.currency),
		"paid": words.money(invoice.paid(), invoice.currency),
		"due": words.money(invoice.outstanding(), invoice.currency),
		"refunded": words.money(invoice.amount_refunded, invoice.currency),
		"when": words.moment(invoice.paid_date),
		"is_open": bool(attempt and attempt.status in OPEN_ATTEMPTS and not attempt.payment_link),
		"mode": attempt.mode if attempt else "",
		"reason": words.translated((attempt.error_message if attempt else "") or invoice.failure_reason),
		"given_back": bool(attempt and _was_given_back(attempt)),
		"can_pay": invoice.status not in ("Failed", "Abandoned") or invoice.can_retry(),
		"retries_remaining": invoice.retries_remaining() if invoice.can_retry() else None,
	}


def _prepare_paid(context, page, invoice):
	row = invoice.subscription and frappe.db.get_value(
		"AI Subscription", invoice.subscription, ["status", "end_date"], as_dict=True
	)
	context.served = {
		"is_served": bool(row and row.status in ("Active", "Trial")),
		"until": words.day(row.end_date) if row else "",
		"replaced": ", ".join(words.translated(name) for name in free_plan.plans_replaced_by(invoice.name)),
		"key_waits": bool(invoice.subscription and api_keys.has_new_key(invoice.subscription)),
		"credits": credits_of(invoice),
	}


def _prepare_partly(context, page, invoice):
	_prepare_paid(context, page, invoice)
	following = schedule.next_part(invoice.name) if invoice.instalment_plan else None
	context.part = {
		"in_parts": invoice.paid_in_parts(),
		"covered": bool(invoice.covered_days),
		"next": words.money(following.left(), invoice.currency) if following else "",
		"next_due": words.day(following.due_on) if following else "",
	}


def _prepare_pending(context, page, invoice):
	page.refresh = {"seconds": shell.LOOK_AGAIN_SECONDS, "address": None, "without_script_only": True}
	shell.add_script(page, "watch")


def _prepare_ended(context, page, invoice):
	"""Add another open attempt of the invoice, so that the page does not offer a second payment."""
	context.other_open = _latest_attempt(invoice, {"status": ("in", OPEN_ATTEMPTS)})


def _prepare_nothing(context, page, invoice):
	pass


PREPARE = {
	"paid": _prepare_paid,
	"partly": _prepare_partly,
	**dict.fromkeys(("pending", "declined", "left"), _prepare_pending),
	**dict.fromkeys(("failed", *ENDED.values()), _prepare_ended),
}
