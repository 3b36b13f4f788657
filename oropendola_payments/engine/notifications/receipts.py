"""Receipts as PDF, or as HTML to print if no PDF can be generated. A failure never blocks the payment or its email."""

import frappe
from frappe import _

from oropendola_payments.ai_billing import formatting, receipt
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.exceptions import Conflict

FORMAT = "AI Invoice Receipt"
TEMPLATE = "oropendola_payments/ai_billing/print_format/ai_invoice_receipt/ai_invoice_receipt.html"


def require_receipt(invoice: AIInvoice) -> None:
	"""Raise Conflict unless the invoice has a receipt. The billing page uses the same rule."""
	if not receipt.may_have(invoice):
		message = _("Invoice {0} is {1}. The receipt is available once it is paid.")
		raise Conflict(message.format(invoice.name, _(invoice.status)))


def for_payment(invoice: AIInvoice, capture: str | None) -> AIInvoice:
	"""Return the invoice, whose receipt is then that of one payment. Raises NotFound if it did not pay this invoice."""
	return receipt.of_payment(invoice, capture)


def attachments(
	invoice: AIInvoice, language: str | None = None, capture: str | None = None
) -> list[dict] | None:
	"""Return the receipt for `frappe.sendmail`, or None if it cannot be generated, so that the email is still sent.

	With `capture`, it is the receipt of this payment alone.
	"""
	with formatting.in_language(language):
		content = as_pdf(receipt.of_payment(invoice, capture))
	return [{"fname": f"{invoice.name}.pdf", "fcontent": content}] if content else None


def as_pdf(invoice: AIInvoice) -> bytes | None:
	"""Return the PDF, or None if it cannot be generated. The Error Log has the reason."""
	before = frappe.flags.ignore_print_permissions
	try:
		# The caller has checked permissions, and a worker that handles a webhook runs as Guest.
		frappe.flags.ignore_print_permissions = True
		return frappe.get_print(invoice.doctype, invoice.name, print_format(), doc=invoice, as_pdf=True)  # type: ignore[attr-defined]  # only on a bench
	except NotImplementedError:
		return None
	except Exception:
		frappe.log_error(
			title=f"The receipt for {invoice.name} could not be created"[:140], message=frappe.get_traceback()
		)
		return None
	finally:
		frappe.flags.ignore_print_permissions = before


def as_html(invoice: AIInvoice) -> str:
	return frappe.get_template(TEMPLATE).render({"doc": invoice, "standalone": True})


def print_format() -> str:
	"""Return the default print format set in Customize Form, else ours."""
	return frappe.get_meta("AI Invoice").get("default_print_format") or FORMAT
