"""Tax documents in emails: attached to the mail about the payment or refund, or sent by themselves when they come later."""

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.doctype.ai_tax_document.ai_tax_document import AITaxDocument
from oropendola_payments.engine.core.transactions import safely
from oropendola_payments.engine.documents import rendering
from oropendola_payments.engine.documents.sweep import issue_all


def issue_now(invoice: str) -> list[AITaxDocument]:
	"""Issue what is due for an invoice, before the email about it. A failure is logged, and the sweep tries again."""
	safely(lambda: issue_all(invoice))
	filters = {"invoice": invoice, "untold": 1}
	names = frappe.get_all("AI Tax Document", filters, pluck="name", order_by="creation, name")
	return [frappe.get_doc("AI Tax Document", name) for name in names]


def claim(documents: list[AITaxDocument]) -> list[AITaxDocument]:
	"""Return the documents that no other email brings. Call this in the transaction that queues the email."""
	return [document for document in documents if document.mark_as_told()]


def attachments(documents: list[AITaxDocument]) -> list[dict]:
	return [_attachment(document) for document in documents]


def _attachment(document: AITaxDocument) -> dict:
	"""Return the PDF, or the page if the PDF cannot be kept or read: the email about the payment must not fail with it."""
	try:
		return rendering.attachment(document)
	except Exception:
		title = f"The PDF of {document.name} could not be attached"
		frappe.log_error(title=title[:140], message=frappe.get_traceback())
		return rendering.page_attachment(document)


def note_mailed(documents: list[AITaxDocument], address: str) -> None:
	for document in documents:
		document.note_mail(address, now_datetime())


def billing_addresses(documents: list[AITaxDocument], address: str) -> list[str]:
	"""Return the customer's address, and where the customer wants invoices to be sent."""
	others = [document.facts()["buyer"]["email"] for document in documents]
	return list(dict.fromkeys([address, *(other for other in others if other)]))
