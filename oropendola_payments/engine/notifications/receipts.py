"""Receipts as PDF, and as a page to print where no PDF can be made. A receipt never holds up a payment or its mail."""

import frappe
from frappe import _

from oropendola_payments.ai_billing import formatting, receipt
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.exceptions import Conflict

FORMAT = "AI Invoice Receipt"
TEMPLATE = "oropendola_payments/ai_billing/print_format/ai_invoice_receipt/ai_invoice_receipt.html"


def require_receipt(invoice: AIInvoice) -> None:
	"""By the same rule as the page."""
	if not receipt.may_have(invoice):
		message = _("Invoice {0} is {1}. The receipt is available once it is paid.")
		raise Conflict(message.format(invoice.name, _(invoice.status)))


def attachments(invoice: AIInvoice, language: str | None = None) -> list[dict] | None:
	"""The receipt for `frappe.sendmail`; None when it could not be made, because the mail matters more."""
	with formatting.in_language(language):
		content = as_pdf(invoice)
	return [{"fname": f"{invoice.name}.pdf", "fcontent": content}] if content else None


def as_pdf(invoice: AIInvoice) -> bytes | None:
	"""None when this machine cannot make PDFs; why is in the Error Log."""
	before = frappe.flags.ignore_print_permissions
	try:
		# The caller has decided who gets it. A worker that reacts to a webhook runs as Guest.
		frappe.flags.ignore_print_permissions = True
		return frappe.get_print(invoice.doctype, invoice.name, print_format(), as_pdf=True)
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
	"""Ours, unless Customize Form names another default for invoices."""
	return frappe.get_meta("AI Invoice").get("default_print_format") or FORMAT
