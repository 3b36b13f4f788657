"""Mails to customers: plain, short, each with a switch in Payment Settings. They link only to pages that need a log-in."""

import frappe
from frappe import _
from frappe.utils import cint, fmt_money, formatdate, get_url


def payment_received(invoice, capture):
	if _wanted("send_payment_mails"):
		amount = fmt_money(capture.amount, currency=capture.currency)
		_send(
			invoice.user,
			_("Payment received: {0}").format(invoice.name),
			_("Thank you. We received {0} for invoice {1}.").format(amount, invoice.name),
			"/billing",
			_("See your subscription"),
			invoice,
		)


def payment_failed(invoice):
	if _wanted("send_failure_mails"):
		_send(
			invoice.user,
			_("Your payment was not completed: {0}").format(invoice.name),
			_("The payment of invoice {0} was not completed. {1}").format(invoice.name, invoice.failure_reason or ""),
			f"/checkout?invoice={invoice.name}",
			_("Try again"),
			invoice,
		)


def refund_done(invoice, refund):
	if _wanted("send_refund_mails"):
		amount = fmt_money(refund.amount, currency=refund.currency)
		_send(
			invoice.user,
			_("Refund sent: {0}").format(invoice.name),
			_("We sent {0} of invoice {1} back. Your bank may need some days to show it.").format(amount, invoice.name),
			"/billing",
			_("See your invoices"),
			invoice,
		)


def key_rotated(subscription):
	if _wanted("send_key_mails"):
		_send(
			subscription.user,
			_("Your API key was changed"),
			_("A new API key was made for your subscription and the old one stopped working. If this was not you, please contact us."),
			"/billing",
			_("See your subscription"),
			subscription,
		)


def renewal_due(subscription, days: int):
	if not _wanted("send_reminder_mails"):
		return
	name, end = subscription.get_plan().plan_name, formatdate(subscription.end_date)
	text = _("Your subscription to {0} ends on {1}.") if days >= 0 else _("Your subscription to {0} ended on {1}.")
	_send(
		subscription.user,
		_("Please renew {0}").format(name),
		text.format(name, end) + " " + _("Renew it to keep your API key working."),
		"/billing",
		_("Renew"),
		subscription,
	)


def _wanted(switch: str) -> bool:
	return bool(cint(frappe.get_cached_doc("Payment Settings").get(switch)))


def _send(user: str, subject: str, text: str, path: str, button: str, reference):
	email = frappe.db.get_value("User", {"name": user, "enabled": 1}, "email")
	if email:
		link = f'<p><a href="{get_url(path)}">{frappe.utils.escape_html(button)}</a></p>'
		frappe.sendmail(
			recipients=[email],
			subject=subject,
			message=f"<p>{frappe.utils.escape_html(text)}</p>{link}",
			reference_doctype=reference.doctype,
			reference_name=reference.name,
		)
