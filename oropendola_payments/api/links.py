"""Payment links: an address at which somebody can pay one invoice without a log-in."""

import frappe
from frappe import _

from oropendola_payments.ai_billing import qr
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.api import endpoint, require_login
from oropendola_payments.api.answers import billing as answers
from oropendola_payments.engine.checkout.payer import own_invoice
from oropendola_payments.engine.link_checkout import send as sending
from oropendola_payments.engine.links import create as links
from oropendola_payments.engine.links.list_links import links_of
from oropendola_payments.exceptions import BadRequest, NotFound
from oropendola_payments.roles import is_manager

CHANNELS = ("Email", "SMS")


@endpoint(methods=("POST",), answer=answers.NewPaymentLink)
def create(invoice_id: str, expires_days: int | None = None, note: str | None = None) -> dict:
	"""Create a payment link and return its address, only this time."""
	invoice = _invoice(invoice_id)
	made = links.create(invoice.name, made_by=require_login(), days=expires_days, note=note)
	return {
		"link": made.link.name,
		"invoice_id": invoice.name,
		"url": made.address,
		"qr": qr.image(made.address),
		"expires_at": made.link.expires_at,
	}


@endpoint(methods=("POST",), answer=answers.SentPaymentLink)
def send(invoice_id: str, channel: str = "Email") -> dict:
	"""Send a new payment link to the customer's address on file."""
	if channel not in CHANNELS:
		raise BadRequest(
			_("There is no channel {0}. Please choose one of: {1}.").format(channel, ", ".join(CHANNELS))
		)
	return sending.send(_invoice(invoice_id), channel, require_login())


@endpoint(methods=("GET", "POST"), answer=answers.PaymentLinks)
def list(invoice_id: str) -> dict:
	"""Return the payment links of an invoice, without their addresses."""
	return {"links": links_of(_invoice(invoice_id).name)}


@endpoint(methods=("POST",), answer=answers.RevokedPaymentLink)
def revoke(link: str) -> dict:
	"""Revoke a payment link. Payments that were started through it can still be completed."""
	invoice = frappe.db.get_value("AI Payment Link", link, "invoice")
	if not invoice or not _may_use(invoice):
		raise NotFound(_("You have no payment link {0}.").format(link))
	return {"link": links.revoke(link).name, "revoked": True}


@endpoint(methods=("POST",), guest=True, answer=answers.RequestedPaymentLink)
def resend(token: str) -> dict:
	"""Have a new link sent to the customer. The answer does not tell whether one was sent."""
	sending.resend(token)
	return {"requested": True}


def _invoice(name: str) -> AIInvoice:
	"""Return an own invoice, or for a manager any."""
	if is_manager() and frappe.db.exists("AI Invoice", name):
		return frappe.get_doc("AI Invoice", name)
	return own_invoice(require_login(), name)


def _may_use(invoice: str) -> bool:
	return is_manager() or frappe.db.get_value("AI Invoice", invoice, "user") == require_login()
