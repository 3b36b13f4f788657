"""Receipts for customers."""

from typing import Any

import frappe
from werkzeug.wrappers import Response

from oropendola_payments.api import refusal, require_login
from oropendola_payments.api.answers.types import File
from oropendola_payments.api.contract import described
from oropendola_payments.engine.checkout import payer
from oropendola_payments.engine.documents import payment_request as requests
from oropendola_payments.engine.notifications import receipts

# The HTML receipt has inline styles and loads nothing else.
ONLY_STYLES = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


@frappe.whitelist(methods=["GET"])
@described(File(("application/pdf", "text/html")), errors=("conflict",))
def download(invoice_id: Any = None, payment: Any = None) -> Response | dict:
	"""Return the receipt of an own invoice as PDF, or as HTML to print if no PDF can be generated.

	With `payment`, it is the receipt of one payment of an invoice that was paid in parts.
	"""
	try:
		invoice = payer.own_invoice(require_login(), str(invoice_id or ""))
		receipts.require_receipt(invoice)
		receipts.for_payment(invoice, str(payment or "") or None)
	except Exception as error:
		return refusal(error)
	return _document(invoice.name, receipts.as_pdf(invoice) or receipts.as_html(invoice))


@frappe.whitelist(methods=["GET"])
@described(File(("application/pdf", "text/html")), errors=("conflict",))
def payment_request(invoice_id: Any = None) -> Response | dict:
	"""Return an own unpaid invoice to pay it elsewhere, as PDF, or as a page to print if no PDF can be generated."""
	try:
		invoice = payer.own_invoice(require_login(), str(invoice_id or ""))
		return _document(invoice.name, requests.as_pdf(invoice) or requests.as_html(invoice))
	except Exception as error:
		return refusal(error)


def _document(name: str, content: bytes | str) -> Response:
	headers = {"Cache-Control": "private, no-store"}
	if isinstance(content, bytes):
		headers["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
		return Response(content, mimetype="application/pdf", headers=headers)
	headers["Content-Security-Policy"] = ONLY_STYLES
	return Response(content, mimetype="text/html", headers=headers)
