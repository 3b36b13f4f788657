"""Issue what is due and was not issued yet: after a crash, or once somebody entered what was missing."""

import frappe
from frappe import _

from oropendola_payments.ai_billing import document_states
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.documents.credit_notes import (
	issue_for_credit,
	issue_for_refund,
	not_credited,
	notes_of,
)
from oropendola_payments.engine.documents.issue import issue_for_invoice

DUE = {"document_state": ("in", document_states.OPEN)}


def issue_all(invoice: str) -> list[str]:
	"""Issue the document of an invoice and the credit notes of what was taken back. Return the numbers of those that are new."""
	before = frappe.db.get_value("AI Invoice", invoice, "tax_document")
	number = issue_for_invoice(invoice)
	new = [number] if number and number != before else []
	return new + (_issue_notes(invoice) if number else [])


def _issue_notes(invoice: str) -> list[str]:
	if frappe.db.get_value("AI Invoice", invoice, "document_state") != document_states.CREDIT_DUE:
		return []
	done = frappe.get_all("AI Tax Document", {"invoice": invoice, "refund": ("is", "set")}, pluck="refund")
	refunds = frappe.get_all(
		"Payment Refund",
		{"invoice": invoice, "status": "Refunded"},
		pluck="name",
		order_by="completed_at, creation",
	)
	new = [number for refund in refunds if refund not in done and (number := issue_for_refund(refund))]
	number = issue_for_credit(invoice, refunds)
	new += [number] if number else []
	in_transaction(_close_if_credited, invoice)
	return new


def _close_if_credited(name: str) -> None:
	"""A refund that failed after its credit note was issued cannot take the note back: a person has to decide."""
	invoice: AIInvoice = lock("AI Invoice", name)
	missing = not_credited(invoice, notes_of(name))
	if invoice.document_state != document_states.CREDIT_DUE or missing > 0:
		return
	problem = _(
		"A refund failed after its credit note was issued. Please refund it again or ask your accountant."
	)
	invoice.write(document_state=document_states.ISSUED, document_problem=problem if missing < 0 else None)
