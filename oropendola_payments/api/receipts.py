"""Receipts for customers."""

from typing import Any

import frappe
from werkzeug.wrappers import Response

from oropendola_payments.api import refusal, require_login
from oropendola_payments.engine.checkout import payer
from oropendola_payments.engine.notifications import receipts

# The HTML receipt has inline styles and loads nothing else.
ONLY_STYLES = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@frappe.whitelist(methods=["GET"])
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
	pdf = receipts.as_pdf(invoice)
	if pdf:
		headers = {"Content-Disposition": f'attachment; filename="{invoice.name}.pdf"'}
		return Response(
			pdf, mimetype="application/pdf", headers=headers | {"Cache-Control": "private, no-store"}
		)
	headers = {"Content-Security-Policy": ONLY_STYLES, "Cache-Control": "private, no-store"}
	return Response(receipts.as_html(invoice), mimetype="text/html", headers=headers)
