"""Create and revoke links. The address is returned once: only the hash of its token is stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, get_url, getdate, now_datetime

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_payment_link.ai_payment_link import (
	AIPaymentLink,
	make_token,
	new_payment_link,
)
from oropendola_payments.ai_billing.doctype.payment_settings.payment_settings import MOST_LINK_DAYS
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.exceptions import BadRequest, Conflict

# Links that people make by hand, for one invoice at one time. Those in emails expire by themselves.
MOST_LINKS = 20


@dataclass(frozen=True)
class NewLink:
	"""A new link with its address, which cannot be found out again."""

	link: AIPaymentLink
	address: str


def create(
	invoice: str,
	*,
	channel: str = "Copy",
	made_by: str | None = None,
	days: int | None = None,
	note: str | None = None,
	step: str | None = None,
) -> NewLink:
	"""Create a link for an invoice that can be paid. `made_by` is empty for a link in an email of this app."""
	if days is not None and not 1 <= days <= MOST_LINK_DAYS:
		raise BadRequest(_("A payment link can be valid for 1 to {0} days.").format(MOST_LINK_DAYS))
	return in_transaction(
		lambda: add(
			lock("AI Invoice", invoice), channel=channel, made_by=made_by, days=days, note=note, step=step
		)
	)


def add(
	invoice: AIInvoice,
	*,
	channel: str,
	made_by: str | None = None,
	days: int | None = None,
	note: str | None = None,
	step: str | None = None,
) -> NewLink:
	"""As `create`, in the transaction of a caller that has locked the invoice."""
	require_payable(invoice)
	if made_by:
		_require_few(invoice)
	token = make_token()
	link = new_payment_link(
		invoice,
		token,
		expires_at=expiry(invoice, days),
		channel=channel,
		made_by=made_by,
		note=note,
		step=step,
	)
	invoice.record("link_created", link, channel=channel, expires=link.expires_at)
	invoice.flush_events()
	return NewLink(link, address_of(token))


def address_of(token: str) -> str:
	return get_url(f"/p/{token}")


def require_payable(invoice: AIInvoice) -> None:
	if not invoice.is_payable():
		message = _("Invoice {0} is {1} and cannot be paid through a link.")
		raise Conflict(message.format(invoice.name, _(invoice.status)))


def expiry(invoice: AIInvoice, days: int | None = None) -> datetime:
	"""Return when a new link expires. An invoice that can be paid only for a while ends its links too."""
	now = now_datetime()
	if days is None:
		since_due = (getdate(invoice.due_date) - now.date()).days if invoice.due_date else 0
		days = min(MOST_LINK_DAYS, max(0, since_due) + cint(payment_settings().link_days))
	ends = now + timedelta(days=days)
	own_end = invoice.get("expires_at")
	return min(ends, get_datetime(own_end)) if own_end else ends


def _require_few(invoice: AIInvoice) -> None:
	usable = {
		"invoice": invoice.name,
		"revoked": 0,
		"expires_at": (">", now_datetime()),
		"made_by": ("is", "set"),
	}
	if frappe.db.count("AI Payment Link", usable) >= MOST_LINKS:
		message = _("There are already {0} links for invoice {1}. Please revoke one that is not needed.")
		raise Conflict(message.format(MOST_LINKS, invoice.name))


def revoke(name: str) -> AIPaymentLink:
	"""Revoke a link. Doing it twice is no error."""
	return in_transaction(_revoke_locked, frappe.db.get_value("AI Payment Link", name, "invoice"), name)


def _revoke_locked(invoice_name: str, name: str) -> AIPaymentLink:
	invoice, link = lock("AI Invoice", invoice_name), lock("AI Payment Link", name)
	if link.revoke():
		invoice.record("link_revoked", link)
		invoice.flush_events()
	return link


def revoke_all(user: str) -> None:
	"""Revoke the links of a customer who was deleted. The caller commits."""
	for name in frappe.get_all("AI Payment Link", {"user": user, "revoked": 0}, pluck="name"):
		frappe.get_doc("AI Payment Link", name).revoke()
