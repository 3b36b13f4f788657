"""Emails to customers. Each has a switch in Payment Settings, unless somebody asked for it.

They link to pages that need a log-in, or, where something is to be paid, to a payment link, which can do nothing else.
"""

from collections.abc import Callable
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, escape_html, flt, get_fullname, get_url, getdate

from oropendola_payments.ai_billing import contact, formatting, invoice_price
from oropendola_payments.ai_billing.current import current, payment_settings
from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import AIAPIKey
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN, SETTLED, AIInvoice
from oropendola_payments.ai_billing.doctype.ai_invoice_part.ai_invoice_part import AIInvoicePart
from oropendola_payments.ai_billing.doctype.ai_plan_change.ai_plan_change import AIPlanChange
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.doctype.ai_tax_document.ai_tax_document import AITaxDocument
from oropendola_payments.ai_billing.doctype.ai_webhook_endpoint.ai_webhook_endpoint import AIWebhookEndpoint
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import PaymentRefund
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.compat import desk_path
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.entitlements import api_keys, free_plan
from oropendola_payments.engine.gateway.registry import settings_of
from oropendola_payments.engine.links import create as links
from oropendola_payments.engine.notifications import documents, receipts
from oropendola_payments.engine.notifications import templates as mail_templates
from oropendola_payments.engine.parts import schedule
from oropendola_payments.roles import managers

ACCOUNT = "Email Account"
SWITCHES = {
	"payment_received": "send_payment_mails",
	"part_received": "send_payment_mails",
	"part_due": "send_reminder_mails",
	"part_missed": "send_reminder_mails",
	"order_confirmed": "send_payment_mails",
	"payment_failed": "send_failure_mails",
	"payment_abandoned": "send_failure_mails",
	"payment_reminder": "send_payment_reminders",
	"refund_sent": "send_refund_mails",
	"credits_bought": "send_payment_mails",
	"credits_expiring": "send_credit_mails",
	"document_ready": "send_payment_mails",
	"api_key_changed": "send_key_mails",
	"renewal_due": "send_reminder_mails",
	"subscription_ended": "send_reminder_mails",
	"cancellation_scheduled": "send_subscription_mails",
	"cancellation_undone": "send_subscription_mails",
	"subscription_cancelled": "send_subscription_mails",
	"subscription_paused": "send_subscription_mails",
	"subscription_resumed": "send_subscription_mails",
	"usage_threshold": "send_usage_mails",
	"plan_changed": "send_payment_mails",
	"plan_change_scheduled": "send_payment_mails",
	"plan_change_lapsed": "send_failure_mails",
}
PLAN_CHANGE_MAILS = {
	"Applied": "plan_changed",
	"Scheduled": "plan_change_scheduled",
	"Expired": "plan_change_lapsed",
}


def payment_received(
	invoice: AIInvoice, capture: PaymentCapture, issued: list[AITaxDocument] | None = None
) -> None:
	"""Send the receipt with the tax documents that were issued, or without any the app's own receipt."""

	def values() -> dict:
		waits = bool(invoice.subscription and api_keys.has_new_key(invoice.subscription))
		return {
			**about_invoice(invoice),
			"amount": formatting.money(capture.amount, capture.currency),
			"paid_on": formatting.day(capture.captured_at),
			"runs_until": formatting.day(invoice.period_end),
			"key_waits": waits,
			"replaced": ", ".join(free_plan.plans_replaced_by(invoice.name)),
		}

	_send("payment_received", invoice, "/billing", values, with_receipt=not issued, issued=issued)


def part_received(invoice: AIInvoice, capture: PaymentCapture) -> None:
	"""Confirm a payment of a part, with its own receipt and what is due next."""

	def values() -> dict:
		following = schedule.next_part(invoice.name) if invoice.instalment_plan else None
		return {
			**about_invoice(invoice),
			"amount": formatting.money(capture.amount, capture.currency),
			"rest": formatting.money(invoice.outstanding(), invoice.currency),
			"runs_until": formatting.day(invoice.period_end) if invoice.covered_days else "",
			"next_amount": formatting.money(following.left(), invoice.currency) if following else "",
			"next_due": formatting.day(following.due_on) if following else "",
			"key_waits": bool(invoice.subscription and api_keys.has_new_key(invoice.subscription)),
		}

	_send("part_received", invoice, "/billing", values, receipt_of=capture.name)


def part_due(invoice: AIInvoice, part: AIInvoicePart, missed: bool) -> None:
	"""Remind of the next part, or tell that it was missed and what that means for the service."""

	def values() -> dict:
		until = getdate(invoice.period_end) if invoice.covered_days else None
		return {
			**about_invoice(invoice),
			"amount": formatting.money(part.left(), invoice.currency),
			"due_on": formatting.day(part.due_on),
			"rest": formatting.money(invoice.outstanding(), invoice.currency),
			"runs_until": formatting.day(until),
			"has_ended": bool(until and until <= today()),
		}

	key = "part_missed" if missed else "part_due"
	_send(key, invoice, lambda: address_to_pay(lock("AI Invoice", invoice.name), key), values)


def order_confirmed(invoice: AIInvoice) -> None:
	"""Tell the customer that service starts although nothing was paid."""

	def values() -> dict:
		waits = bool(invoice.subscription and api_keys.has_new_key(invoice.subscription))
		until = formatting.day(invoice.period_end)
		return {**about_invoice(invoice), "runs_until": until, "key_waits": waits}

	_send("order_confirmed", invoice, "/billing", values, with_receipt=True)


def payment_failed(invoice: AIInvoice, given_back: bool = False) -> None:
	_unpaid("payment_failed", invoice, given_back)


def payment_abandoned(invoice: AIInvoice) -> None:
	_unpaid("payment_abandoned", invoice)


def payment_reminder(
	invoice: AIInvoice,
	cause: str,
	is_last: bool,
	gateway: str | None,
	stop_link: str,
	given_back: bool = False,
) -> None:
	"""Remind of an unpaid invoice, with a sentence for the cause and the gateway to suggest. The caller has locked the invoice."""

	def values() -> dict:
		return {
			**about_invoice(invoice),
			"due": formatting.money(invoice.outstanding(), invoice.currency),
			"due_date": formatting.day(invoice.due_date),
			"cause": cause,
			"given_back": given_back,
			"gateway": settings_of(gateway).label if gateway else "",
			"is_last": is_last,
			"stop_link": stop_link,
		}

	_send("payment_reminder", invoice, lambda: address_to_pay(invoice, "payment_reminder", gateway), values)


def address_to_pay(invoice: AIInvoice, step: str, gateway: str | None = None, channel: str = "Email") -> str:
	"""Return a payment link for a message about a locked invoice, or the checkout if the site wants no links in messages."""
	address = _link_to_pay(invoice, step, channel) or get_url(f"/checkout?invoice={invoice.name}")
	joint = "&" if "?" in address else "?"
	return f"{address}{joint}gateway={gateway}" if gateway else address


def refund_done(invoice: AIInvoice, refund: PaymentRefund, issued: list[AITaxDocument] | None = None) -> None:
	def values() -> dict:
		amount = formatting.money(refund.amount, refund.currency)
		return {**about_invoice(invoice), "amount": amount, "reason": refund.reason or ""}

	_send("refund_sent", invoice, "/billing", values, issued=issued)


def document_ready(invoice: AIInvoice, issued: list[AITaxDocument]) -> None:
	"""Send tax documents that were issued later than the email about the payment or refund."""

	def values() -> dict:
		numbers = ", ".join(document.name for document in issued)
		return {**about_invoice(invoice), "documents": numbers}

	_send("document_ready", invoice, "/billing", values, issued=issued)


def key_changed(
	subscription: AISubscription, key: AIAPIKey, change: str, old_key_until: str | None = None
) -> None:
	"""Send that a key was `created`, `replaced` or `revoked`, and until when a replaced one works."""

	def values() -> dict:
		return {
			"plan": subscription.get_plan().plan_name,
			"change": change,
			"key_name": key.key_name or "",
			"key_prefix": key.key_prefix or "",
			"old_key_until": formatting.moment_and_zone(old_key_until),
		}

	_send("api_key_changed", subscription, "/billing", values)


def about_endpoint(key: str, endpoint: AIWebhookEndpoint, values: Callable[[], dict]) -> None:
	"""Send that a webhook endpoint fails or was disabled, to its customer or responsible manager; if that one left, to all managers."""
	link = "/webhooks" if endpoint.user else f"{desk_path()}/ai-webhook-endpoint/{endpoint.name}"
	told = managers() if endpoint.disabled_reason == "Manager Left" else [endpoint.user or endpoint.made_by]
	for user in told:
		_send(key, frappe._dict(doctype=endpoint.doctype, name=endpoint.name, user=user), link, values)


def payment_link(invoice: AIInvoice, address: str) -> None:
	"""Send a payment link that somebody asked for."""

	def values() -> dict:
		due = formatting.money(invoice.outstanding(), invoice.currency)
		return {**about_invoice(invoice), "due": due, "due_date": formatting.day(invoice.due_date)}

	_send("payment_link", invoice, lambda: address, values)


def about_paid(key: str, invoice: AIInvoice, link: str, values: Callable, issued: list | None) -> None:
	"""Send a mail about a paid invoice, with its receipt unless tax documents were issued."""
	_send(key, invoice, link, values, with_receipt=not issued, issued=issued)


def about_account(key: str, record: Any, values: Callable[[], dict], page: str = "/billing") -> None:
	"""Send a mail about a subscription, credits or usage, which leads to a page of the customer."""
	_send(key, record, page, values)


def renewal_due(subscription: AISubscription, days: int) -> None:
	"""Send a renewal reminder `days` before the end date. On that day service has ended.

	It leads to the payment if the customer has asked for the next period already, and to the billing page otherwise.
	"""

	def values() -> dict:
		return {
			"plan": subscription.get_plan().plan_name,
			"end_date": formatting.day(subscription.end_date),
			"days": str(abs(days)),
			"is_trial": not _was_paid(subscription),
			"coupon": (subscription.coupon or "") if cint(subscription.coupon_periods_left) else "",
		}

	def address() -> str:
		open_period = {
			"subscription": subscription.name,
			"status": ("in", OPEN),
			"purpose": ("!=", "Upgrade"),
		}
		name = frappe.db.get_value("AI Invoice", open_period, "name", order_by="creation desc")
		return (name and _link_to_pay(lock("AI Invoice", name), key)) or get_url("/billing")

	key = "renewal_due" if days > 0 else "subscription_ended"
	_send(key, subscription, address, values)


def plan_change_moved(change: AIPlanChange, moved_to: str) -> None:
	"""Tell about a change of plan. Of one that was paid at a gateway the receipt tells."""

	def values() -> dict:
		return {
			"plan": current("AI Plan", change.to_plan).plan_name,
			"old_plan": current("AI Plan", change.from_plan).plan_name,
			"changes_on": formatting.day(change.effective_on),
			"runs_until": formatting.day(change.ends_on) if change.ends_on else "",
		}

	paid_by = change.invoice and frappe.db.get_value("AI Invoice", change.invoice, "payment_gateway")
	if moved_to in PLAN_CHANGE_MAILS and not (moved_to == "Applied" and paid_by not in (None, "", "credit")):
		_send(PLAN_CHANGE_MAILS[moved_to], change, "/billing", values)


def _unpaid(key: str, invoice: AIInvoice, given_back: bool = False) -> None:
	def values() -> dict:
		paid = formatting.money(invoice.amount_paid, invoice.currency) if flt(invoice.amount_paid) else ""
		return {
			**about_invoice(invoice),
			"reason": invoice.failure_reason or "",
			"can_retry": invoice.can_retry(),
			"given_back": given_back,
			"under_review": bool(cint(invoice.needs_review)),
			"paid": paid,
		}

	_send(key, invoice, lambda: address_to_pay(lock("AI Invoice", invoice.name), key), values)


def _link_to_pay(invoice: AIInvoice, step: str, channel: str = "Email") -> str | None:
	"""Return a new payment link for this message, or None if there is nothing to pay or the site wants none in messages."""
	if not cint(payment_settings().link_in_mails) or cint(invoice.needs_review) or not invoice.is_payable():
		return None
	return links.add(invoice, channel=channel, step=step).address


def about_invoice(invoice: AIInvoice) -> dict:
	plan = invoice.plan and current("AI Plan", invoice.plan).plan_name
	total = formatting.money(invoice.total_amount, invoice.currency)
	return {"invoice": invoice.name, "plan": plan or "", "total": total, **_about_coupon(invoice)}


def _about_coupon(invoice: AIInvoice) -> dict:
	if not invoice.coupon:
		return {"coupon": "", "discount": ""}
	discount = formatting.money(invoice_price.discount(invoice), invoice.currency)
	return {"coupon": invoice.coupon, "discount": discount}


def _was_paid(subscription: AISubscription) -> bool:
	"""Return whether an invoice of the subscription was paid; otherwise it is or was a trial."""
	paid = {"subscription": subscription.name, "status": ("in", SETTLED)}
	return subscription.status != "Trial" and bool(frappe.db.exists("AI Invoice", paid))


def can_be_sent() -> bool:
	"""Return whether the site has an outgoing account. Without one Frappe refuses every email, after the work on its PDF."""
	configured = (
		frappe.conf.get("mail_server") or cint(frappe.conf.get("mute_emails")) or frappe.flags.mute_emails
	)
	if configured or not frappe.db.exists("DocType", ACCOUNT):
		return bool(configured)
	return bool(frappe.db.exists(ACCOUNT, {"enable_outgoing": 1, "default_outgoing": 1}))


def any_is_enabled() -> bool:
	"""Return whether Payment Settings want any email."""
	settings = payment_settings()
	return any(cint(settings.get(switch)) for switch in {*SWITCHES.values(), "send_alert_mails"})


def _send(
	key: str,
	record: Any,
	link: str | Callable[[], str],
	values: Callable[[], dict],
	with_receipt: bool = False,
	receipt_of: str | None = None,
	issued: list[AITaxDocument] | None = None,
) -> None:
	"""Queue a mail. `link` is a path of this site, or returns an address that is made for a mail that is really sent."""
	settings = payment_settings()
	is_wanted = key not in SWITCHES or cint(settings.get(SWITCHES[key]))
	if not is_wanted or not can_be_sent():
		return  # the alert No Outgoing Mail says it once, instead of an Error Log row for every payment
	fields = ["email", "language"]
	customer = frappe.db.get_value("User", {"name": record.user, "enabled": 1}, fields, as_dict=True)
	if not customer or not customer.email:
		return
	with formatting.in_language(mail_templates.language_of(key, customer.language)):
		known = {
			"customer": get_fullname(record.user),
			"seller": settings.seller_name or "",
			"link": get_url(link) if isinstance(link, str) else link(),
			**values(),
		}
		help_line = _help_line()
	subject, message = mail_templates.render(key, customer.language, known)
	issued = issued or []
	frappe.sendmail(
		recipients=documents.billing_addresses(issued, customer.email),
		subject=subject,
		message=f"{message}{help_line}",
		reply_to=settings.seller_email or None,
		reference_doctype=record.doctype,
		reference_name=record.name,
		attachments=receipts.attachments(record, customer.language, receipt_of)
		if with_receipt or receipt_of
		else documents.attachments(issued) or None,
	)
	documents.note_mailed(issued, customer.email)


def _help_line() -> str:
	"""Return how to reach the seller, as HTML, below the text of every email, edited ones included."""
	links = [f'<a href="{escape_html(way.href)}">{escape_html(way.text)}</a>' for way in contact.ways()]
	return f"<p>{_('Questions? Contact us:')} {' · '.join(links)}</p>" if links else ""
