"""Find the link of a token, and the invoice that it pays."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED, AIInvoice
from oropendola_payments.ai_billing.doctype.ai_payment_link.ai_payment_link import (
	AIPaymentLink,
	hash_token,
	is_well_formed,
)
from oropendola_payments.engine.core.counters import count
from oropendola_payments.exceptions import NotFound, TooManyRequests

WRONG_TOKENS = (20, 600)  # from one IP address
REPLACED = ("New", "Renewal")


def find(token: object) -> AIPaymentLink:
	"""Return the link. Raises NotFound for an unknown token, and TooManyRequests for somebody who keeps guessing."""
	link = (
		frappe.db.get_value("AI Payment Link", {"token_hash": hash_token(str(token))})
		if is_well_formed(token)
		else None
	)
	if link:
		return frappe.get_doc("AI Payment Link", link)
	most, seconds = WRONG_TOKENS
	guesses, left = count("link:guess", getattr(frappe.local, "request_ip", None) or "unknown", seconds)
	if guesses > most:
		message = _("Too many wrong links were opened from your network. Please try again in {0} minutes.")
		raise TooManyRequests(message.format(-(-left // 60)))
	raise NotFound(_("There is no such payment link. Please check the address."))


def invoice_of(link: AIPaymentLink) -> AIInvoice:
	"""Return the invoice that the link pays: its own, or the one that replaced it because it could no longer be paid."""
	invoice = frappe.get_doc("AI Invoice", link.invoice)
	successor = _successor(invoice) if invoice.status == "Cancelled" else None
	return frappe.get_doc("AI Invoice", successor) if successor else invoice


def _successor(invoice: AIInvoice) -> str | None:
	"""Return the next invoice for the same plan, currency and purpose of the same subscription that was not cancelled."""
	if not invoice.subscription or invoice.purpose not in REPLACED:
		return None
	same = {field: invoice.get(field) for field in ("user", "subscription", "plan", "purpose", "currency")}
	filters = {**same, "status": ("!=", "Cancelled"), "creation": (">", invoice.creation)}
	return frappe.db.get_value("AI Invoice", filters, "name", order_by="creation asc")


def standing(link: AIPaymentLink, invoice: AIInvoice) -> str:
	"""Return what the page of the link shows. A link that ended reveals nothing, not even that the invoice is paid."""
	if not link.is_usable():
		return "ended"
	if invoice.status in SETTLED:
		return "paid"
	if invoice.status == "Cancelled":
		return "cancelled"
	if invoice.needs_review:
		return "review"
	if not invoice.outstanding():
		return "nothing"
	return "too_often" if invoice.is_exhausted() else "pay"
