"""Mails to customers: each with a switch in Payment Settings. They link only to pages that need a log-in."""

import frappe
from frappe.utils import cint, fmt_money, formatdate, get_fullname, get_url

from oropendola_payments.engine import mail_templates, receipts


def payment_received(invoice, capture):
	values = {"amount": fmt_money(capture.amount, currency=capture.currency), **_about_invoice(invoice)}
	values["paid_on"] = formatdate(invoice.paid_date)
	_send("payment_received", "send_payment_mails", invoice, "/billing", values, with_receipt=True)


def payment_failed(invoice):
	_unpaid("payment_failed", invoice)


def payment_abandoned(invoice):
	_unpaid("payment_abandoned", invoice)


def refund_done(invoice, refund):
	values = {**_about_invoice(invoice), "amount": fmt_money(refund.amount, currency=refund.currency)}
	values["reason"] = refund.reason or ""
	_send("refund_sent", "send_refund_mails", invoice, "/billing", values)


def key_rotated(subscription):
	values = {"plan": subscription.get_plan().plan_name}
	_send("api_key_changed", "send_key_mails", subscription, "/billing", values)


def renewal_due(subscription, days: int):
	"""`days` before the end; below 0 the subscription has ended."""
	values = {
		"plan": subscription.get_plan().plan_name,
		"end_date": formatdate(subscription.end_date),
		"days": str(abs(days)),
	}
	key = "renewal_due" if days >= 0 else "subscription_ended"
	_send(key, "send_reminder_mails", subscription, "/billing", values)


def _unpaid(key: str, invoice):
	values = {
		**_about_invoice(invoice),
		"reason": invoice.failure_reason or "",
		"can_retry": invoice.can_retry(),
	}
	_send(key, "send_failure_mails", invoice, f"/checkout?invoice={invoice.name}", values)


def _about_invoice(invoice) -> dict:
	plan = invoice.plan and frappe.get_cached_doc("AI Plan", invoice.plan).plan_name
	return {
		"invoice": invoice.name,
		"plan": plan or "",
		"total": fmt_money(invoice.total_amount, currency=invoice.currency),
	}


def _send(key: str, switch: str, record, path: str, values: dict, with_receipt: bool = False):
	settings = frappe.get_cached_doc("Payment Settings")
	fields = ["email", "language"]
	customer = frappe.db.get_value("User", {"name": record.user, "enabled": 1}, fields, as_dict=True)
	if not cint(settings.get(switch)) or not customer or not customer.email:
		return
	values = {
		"customer": get_fullname(record.user),
		"seller": settings.seller_name or "",
		"link": get_url(path),
		**values,
	}
	subject, message = mail_templates.render(key, customer.language, values)
	frappe.sendmail(
		recipients=[customer.email],
		subject=subject,
		message=message,
		reply_to=settings.seller_email or None,
		reference_doctype=record.doctype,
		reference_name=record.name,
		attachments=receipts.attachments(record) if with_receipt else None,
	)
