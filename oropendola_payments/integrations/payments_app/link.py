"""`get_payment_url` of the contract: give a document of another app an invoice of ours, and a payment link to it.

It runs inside the transaction that submits the document: it neither commits nor calls a provider. The payment itself is opened when
somebody presses Pay on the link's page.
"""

from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import frappe
from frappe import _
from frappe.utils import add_days, get_url, nowdate, strip_html

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import EXTERNAL, OPEN, AIInvoice
from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	PaymentGatewaySettings,
)
from oropendola_payments.ai_billing.doctype.payment_settings.payment_settings import MOST_LINK_DAYS
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.links import create as links
from oropendola_payments.engine.settlement.under_way import is_being_paid_now
from oropendola_payments.exceptions import BadRequest, Conflict, Unavailable
from oropendola_payments.integrations.outbox.switches import accepts_documents
from oropendola_payments.integrations.payments_app.owner import ensure_owner
from oropendola_payments.money import from_minor, to_minor

SERIES = "REQ-.YYYY.-.#####"
DUE_AFTER_DAYS = 30
# No new invoice replaces this one after some failures, as with our own. The limits of the link by hour hold.
MORE_TRIES = 97


def payment_url(settings: PaymentGatewaySettings, **details: Any) -> str:
	"""Return the address at which the document can be paid."""
	_require_ready(settings)
	currency = str(details.get("currency") or "").upper()
	amount = _exact(details.get("amount"), currency)
	settings.validate_transaction_currency(currency)
	settings.validate_minimum_transaction_amount(currency, amount)
	doctype, name = details.get("reference_doctype"), details.get("reference_docname")
	if not doctype or not name or not frappe.db.exists(doctype, name):
		raise BadRequest(_("There is no document to pay. Please save it first."))
	_require_own_company(settings, doctype, name)
	invoice = _reusable(doctype, name, amount, currency)
	if not invoice:
		invoice = _new_invoice(doctype, name, amount, currency, _description(details, doctype, name))
	invoice.write(requested_gateway=settings.gateway, return_path=own_path(details.get("redirect_to")))
	# A portal asks by a GET request, after which Frappe would roll back.
	frappe.local.flags.commit = True
	return links.add(invoice, channel="Copy", days=MOST_LINK_DAYS).address


def _require_ready(settings: PaymentGatewaySettings) -> None:
	if not accepts_documents():
		raise Unavailable(
			_("Documents of other apps cannot be paid here. A manager can allow it in Payment Settings.")
		)
	if settings.get_status() in ("Disabled", "Not Configured"):
		raise Unavailable(
			_("{0} is not available at the moment. Please choose another way to pay.").format(settings.label)
		)


def _require_own_company(settings: PaymentGatewaySettings, doctype: str, name: str) -> None:
	"""Refuse the account of another company: its money could not be booked for this document."""
	if not settings.company or not frappe.get_meta(doctype).has_field("company"):
		return
	company = frappe.db.get_value(doctype, name, "company")
	if company and company != settings.company:
		message = _(
			"{0} is an account of {1}, but {2} {3} is of {4}. Please choose an account of that company."
		)
		raise BadRequest(message.format(settings.label, settings.company, doctype, name, company))


def _exact(amount: Any, currency: str) -> Decimal:
	"""Return the amount that another app hands over as a float, refused if it is not one of whole minor units."""
	try:
		minor = to_minor(amount, currency)
	except ValueError as error:
		raise BadRequest(str(error)) from None
	if minor <= 0:
		raise BadRequest(_("There is nothing to pay."))
	return from_minor(minor, currency)


def _description(details: dict, doctype: str, name: str) -> str:
	return strip_html(str(details.get("description") or f"{doctype} {name}"))[:140]


def _reusable(doctype: str, name: str, amount: Decimal, currency: str) -> AIInvoice | None:
	"""Return the open invoice of this document. One with another amount is cancelled, unless money may be on its way."""
	for found in invoices_of(doctype, name):
		invoice: AIInvoice = lock("AI Invoice", found)
		if invoice.status in ("Paid", "Partly Refunded"):
			raise Conflict(_("{0} {1} is already paid.").format(doctype, name))
		if invoice.status not in OPEN:
			continue
		if (invoice.outstanding(), invoice.currency) == (amount, currency):
			return invoice
		if invoice.paid() or is_being_paid_now(found):
			message = _(
				"A payment of {0} {1} with another amount has been started. Please wait for its outcome."
			)
			raise Conflict(message.format(doctype, name))
		invoice.mark_as_cancelled()
	return None


def invoices_of(doctype: str, name: str) -> list[str]:
	"""Return the invoices for a document of another app, the newest first."""
	filters = {"external_name": name, "external_doctype": doctype}
	return frappe.get_all("AI Invoice", filters, pluck="name", order_by="creation desc, name desc")


def _new_invoice(doctype: str, name: str, amount: Decimal, currency: str, description: str) -> AIInvoice:
	invoice = frappe.new_doc("AI Invoice")
	invoice.flags.update({"ignore_links": True, "writes_more": True})
	invoice.update(
		{
			"naming_series": SERIES,
			"user": ensure_owner(),
			"purpose": EXTERNAL,
			"currency": currency,
			"net_amount": amount,
			"due_date": add_days(nowdate(), DUE_AFTER_DAYS),
			"description": description,
		}
	)
	invoice.insert(ignore_permissions=True)
	invoice.write(external_doctype=doctype, external_name=name, extra_retries=MORE_TRIES)
	return invoice


def own_path(address: object) -> str | None:
	"""Return the path of an address on this site. One elsewhere is dropped: nobody is led away from here."""
	parts, own = urlsplit(str(address or "")), urlsplit(get_url())
	is_own = not parts.netloc or (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
	path = f"{parts.path}?{parts.query}" if parts.query else parts.path
	return path if is_own and path.startswith("/") and not path.startswith(("//", "/\\")) else None
