"""What an unpaid invoice looks like on paper: what is asked for, how to pay it, and that it is no tax invoice."""

import frappe
from frappe import _
from frappe.utils import get_url

from oropendola_payments.ai_billing import qr, upi
from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.formatting import money
from oropendola_payments.engine.documents.rendering import make_pdf
from oropendola_payments.exceptions import Conflict

TEMPLATE = "oropendola_payments/templates/documents/payment_request.html"


def as_pdf(invoice: AIInvoice) -> bytes | None:
	"""Return the request as PDF, or None if this site cannot make PDFs. Raises Conflict if nothing is due."""
	return make_pdf(as_html(invoice))


def as_html(invoice: AIInvoice) -> str:
	"""Return the request as a page that loads nothing else. Raises Conflict if nothing is due."""
	if not invoice.is_payable():
		message = _("Invoice {0} is {1}. There is nothing to pay.")
		raise Conflict(message.format(invoice.name, _(invoice.status)))
	link = upi.link_of(invoice)
	values = {
		"request": invoice.receipt(),
		"due": money(invoice.outstanding(), invoice.currency),
		"pay_at": get_url(f"/checkout?invoice={invoice.name}"),
		"upi": {"id": payment_settings().upi_id, "image": qr.image(link)} if link else None,
	}
	return frappe.get_template(TEMPLATE).render(values)
