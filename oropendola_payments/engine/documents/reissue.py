"""Correct the document of a payment: a credit note for what is left of it, and a new document for the same money."""

from dataclasses import replace
from decimal import Decimal

from frappe import _

from oropendola_payments.ai_billing import document_states
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_tax_document.ai_tax_document import AITaxDocument
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.documents import content, sale
from oropendola_payments.engine.documents.credit_notes import (
	CORRECTION,
	current_document,
	draft_of_note,
	left_of,
	not_credited,
	notes_of,
	numberer_of,
	record,
)
from oropendola_payments.engine.documents.numbering import with_numbers
from oropendola_payments.engine.documents.types import Draft, Stamp
from oropendola_payments.exceptions import Conflict

NOTE, INVOICE = "Credit Note", "Invoice"
SAME = ("seller", "buyer", "place_of_supply", "treatment", "taxes", "notes")


def reissue(invoice: str, reason: str) -> list[str]:
	"""Return the numbers of the credit note and the new document. Money and service stay as they are.

	The new document has the buyer and the tax as billing profile and rules say now, cut out of what the customer paid and still
	has paid.
	"""
	original = current_document(invoice)
	if not original:
		raise Conflict(_("Invoice {0} has no tax document that could be corrected.").format(invoice))
	return with_numbers(
		numberer_of(original.facts()),
		(NOTE, INVOICE),
		lambda stamps: _reissue_locked(original, reason, stamps),
	)


def _reissue_locked(original: AITaxDocument, reason: str, stamps: dict[str, Stamp]) -> list[str]:
	invoice: AIInvoice = lock("AI Invoice", original.invoice)
	notes, facts = notes_of(invoice.name), original.facts()
	left = left_of(facts, notes)
	_check(invoice, original, left, not_credited(invoice, notes))
	replaced = {
		"number": original.name,
		"date": facts["issue_date"],
		"total": (facts["home"] or facts)["total"],
	}
	new = replace(
		sale.draft_by_rules(invoice, left, stamps[INVOICE].day),
		source_key=f"{CORRECTION}{original.name}:invoice",
		original=replaced,
		reason=reason,
	)
	_check_difference(new, facts, stamps[INVOICE])
	note = replace(
		draft_of_note(facts, notes, left, invoice.user),
		source_key=f"{CORRECTION}{original.name}",
		reason=reason,
	)
	issued = [content.insert(note, stamps[NOTE]), content.insert(new, stamps[INVOICE])]
	for document in issued:
		record(invoice, document)
	invoice.write(tax_document=issued[1].name, document_state=document_states.ISSUED, document_problem=None)
	return [document.name for document in issued]


def _check(invoice: AIInvoice, original: AITaxDocument, left: Decimal, refunded: Decimal) -> None:
	if invoice.tax_document != original.name:
		raise Conflict(_("Another document was issued at the same time. Please reload the invoice."))
	if refunded > 0:
		raise Conflict(_("A refund of this invoice has no credit note yet. Please issue it first."))
	if left <= 0:
		raise Conflict(
			_("{0} has been credited in full. There is nothing left to correct.").format(original.name)
		)


def _check_difference(new: Draft, facts: dict, stamp: Stamp) -> None:
	"""Refuse to use up two numbers for a document that says the same as before."""
	now = content.facts_of(new, stamp)
	if new.registration != facts["registration"]:
		raise Conflict(
			_("The seller's tax registration has changed. Please ask your accountant how to correct this.")
		)
	if all(now[name] == facts[name] for name in SAME if name != "taxes") and _rates(now) == _rates(facts):
		raise Conflict(
			_("Nothing would change. Please correct the customer's billing profile or the tax rules first.")
		)


def _rates(facts: dict) -> list[tuple[str, str]]:
	return [(tax["label"], tax["rate"]) for tax in facts["taxes"]]
