"""Credit notes: what a refund gives back or the customer keeps as credit, with the tax split as on the document it corrects.

A note is cut from the frozen document, not from what the customer's profile says today. Only what paid the invoice is credited: a
duplicate or surplus payment that is refunded or kept as credit reverses no supply and gets no note. What was kept as credit got its
note then, so the refund of this credit gets none, and what it pays is invoiced in full.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import get_datetime

from oropendola_payments.ai_billing import document_states
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_tax_document.ai_tax_document import AITaxDocument
from oropendola_payments.engine.core.transactions import lock, read
from oropendola_payments.engine.documents import content
from oropendola_payments.engine.documents.numbering import Numberer, with_numbers
from oropendola_payments.engine.documents.split import split_refund
from oropendola_payments.engine.documents.types import Draft, Stamp
from oropendola_payments.money import quantize, to_decimal

NOTE = "Credit Note"
CORRECTION = "correction:"
# Documents are in English.
KEPT_AS_CREDIT = "Taken back and kept as credit of the customer"


def issue_for_refund(refund: str, at: datetime | None = None) -> str | None:
	"""Return the number of the refund's credit note, issued now if it is due; None if the refund needs none, or none yet."""
	row = frappe.db.get_value(
		"Payment Refund",
		refund,
		["name", "invoice", "amount", "currency", "reason", "status", "completed_at"],
		as_dict=True,
	)
	if not row or row.status != "Refunded":
		return None
	original = current_document(row.invoice)
	if not original:
		return None  # the document of the invoice comes first; the sweep returns to this refund
	return with_numbers(
		numberer_of(original.facts()), (NOTE,), lambda stamps: _issue_locked(row, original, stamps[NOTE]), at
	)


def current_document(invoice: str) -> AITaxDocument | None:
	"""Return the document that stands for the invoice: the one issued last, which the invoice names."""
	named = "`name` = (SELECT `tax_document` FROM `tabAI Invoice` WHERE `name` = %s)"
	rows = read("AI Tax Document", named, (invoice,))
	return rows[0] if rows else None


def numberer_of(facts: dict) -> Numberer:
	return Numberer(facts["registration"], facts["registration_country"], facts["prefix"])


def issue_for_credit(invoice: str, known_refunds: list[str], at: datetime | None = None) -> str | None:
	"""Return the number of the note for what was taken back and kept as credit, issued now if it is due; else None.

	It is for all that has no note yet, so those of the refunds come first. `known_refunds` had their turn.
	"""
	original = current_document(invoice)
	if not original:
		return None
	return with_numbers(
		numberer_of(original.facts()),
		(NOTE,),
		lambda stamps: _issue_for_credit_locked(original, known_refunds, stamps[NOTE]),
		at,
	)


def _issue_for_credit_locked(original: AITaxDocument, known_refunds: list[str], stamp: Stamp) -> str | None:
	invoice: AIInvoice = lock("AI Invoice", original.invoice)
	if not to_decimal(invoice.amount_credited or 0) or _has_another_refund(invoice.name, known_refunds):
		return None
	notes = notes_of(invoice.name)
	key = f"credit:{invoice.name}:{len(notes) + 1}"
	amount = not_credited(invoice, notes)
	return _issue(invoice, original, notes, amount, stamp, source_key=key, reason=KEPT_AS_CREDIT)


def _has_another_refund(invoice: str, known: list[str]) -> bool:
	"""Return whether a refund was made meanwhile, which has to get its own note first."""
	done = frappe.get_all("Payment Refund", {"invoice": invoice, "status": "Refunded"}, pluck="name")
	return not set(done) <= set(known)


def _issue_locked(refund: frappe._dict, original: AITaxDocument, stamp: Stamp) -> str | None:
	invoice: AIInvoice = lock("AI Invoice", refund.invoice)
	notes = notes_of(invoice.name)
	known = any(note.refund == refund.name for note in notes)
	if known or _was_paid_again(invoice, refund):
		return None
	of_refunds = sum((to_decimal(note.total_amount) for note in notes if note.refund), Decimal(0))
	left = min(invoice.refunded_of_sale() - of_refunds, not_credited(invoice, notes))
	return _issue(
		invoice,
		original,
		notes,
		min(to_decimal(refund.amount), left),
		stamp,
		source_key=f"refund:{refund.name}",
		reason=refund.reason or _("Refund"),
		refund=refund.name,
	)


def _issue(
	invoice: AIInvoice,
	original: AITaxDocument,
	notes: list[AITaxDocument],
	amount: Decimal,
	stamp: Stamp,
	*,
	source_key: str,
	reason: str,
	refund: str = "",
) -> str | None:
	"""Issue a note for this amount, or for what is left of the document. Return None if nothing is."""
	facts = original.facts()
	amount = min(amount, left_of(facts, notes))
	if amount <= 0 or invoice.tax_document != original.name:
		return None
	draft = draft_of_note(facts, notes, quantize(amount, invoice.currency), invoice.user)
	draft = replace(draft, source_key=source_key, reason=reason, refund=refund)
	note = content.insert(draft, stamp)
	record(invoice, note)
	invoice.write(document_state=document_states.after_document(not_credited(invoice, [*notes, note])))
	return note.name


def _was_paid_again(invoice: AIInvoice, refund: frappe._dict) -> bool:
	"""Return whether a part went back before everything was paid: it was due again, so the sale is as it was."""
	return bool(invoice.paid_again()) and get_datetime(refund.completed_at) <= get_datetime(invoice.paid_date)


def notes_of(invoice: str) -> list[AITaxDocument]:
	return read(
		"AI Tax Document", "`invoice` = %s AND `kind` = 'Credit Note' ORDER BY `creation`", (invoice,)
	)


def not_credited(invoice: AIInvoice, notes: list[AITaxDocument]) -> Decimal:
	"""Return how much of the sale was taken back without a credit note so far."""
	credited = sum((to_decimal(note.total_amount) for note in notes if not is_correction(note)), Decimal(0))
	return invoice.taken_back() - credited


def is_correction(note: AITaxDocument) -> bool:
	"""Return whether a new document for the same money replaced the one that this note corrects."""
	return (note.source_key or "").startswith(CORRECTION)


def left_of(facts: dict, notes: list[AITaxDocument]) -> Decimal:
	"""Return what the notes have left of a document."""
	credited = sum((to_decimal(note.total_amount) for note in _against(facts, notes)), Decimal(0))
	return to_decimal(facts["total"]) - credited


def draft_of_note(facts: dict, notes: list[AITaxDocument], amount: Decimal, user: str) -> Draft:
	"""Return the note that takes this amount off a document, without its source and reason."""
	items, taxes = content.items_in(facts), content.taxes_in(facts)
	earlier = [note.facts() for note in _against(facts, notes)]
	off_items, off_taxes = split_refund(
		amount,
		[item.amount for item in items],
		[tax.amount for tax in taxes],
		[_credited(earlier, "lines", place) for place in range(len(items))],
		[_credited(earlier, "taxes", place) for place in range(len(taxes))],
		facts["currency"],
	)
	net = sum(off_items, Decimal(0))
	return Draft(
		kind=NOTE,
		title="Credit Note",
		registration=facts["registration"],
		country=facts["registration_country"],
		prefix=facts["prefix"],
		user=user,
		invoice=facts["invoice"],
		source_key="",
		seller=content.party_in(facts["seller"]),
		buyer=content.party_in(facts["buyer"]),
		items=tuple(replace(item, amount=off) for item, off in zip(items, off_items, strict=True)),
		taxes=tuple(replace(tax, base=net, amount=off) for tax, off in zip(taxes, off_taxes, strict=True)),
		currency=facts["currency"],
		place_of_supply=facts["place_of_supply"],
		treatment=facts["treatment"],
		notes=tuple(facts["notes"]),
		home={name: facts["home"][name] for name in ("currency", "rate", "date", "source")}
		if facts["home"]
		else {},
		original={"number": facts["number"], "date": facts["issue_date"], "total": _home_total(facts)},
		earlier=tuple(earlier),
	)


def _against(facts: dict, notes: list[AITaxDocument]) -> list[AITaxDocument]:
	return [note for note in notes if note.original == facts["number"]]


def _credited(notes: list[dict], part: str, place: int) -> Decimal:
	return sum((to_decimal(note[part][place]["amount"]) for note in notes), Decimal(0))


def record(invoice: AIInvoice, document: AITaxDocument) -> None:
	"""Put the hash of a document into the audit trail of its invoice."""
	invoice.record(
		"tax_invoice_issued" if document.kind == "Invoice" else "credit_note_issued",
		document,
		to_status=document.kind,
		total=document.total_amount,
		currency=document.currency,
		content_hash=document.content_hash,
	)


def _home_total(facts: dict) -> str:
	"""Return the total in the currency of the return, which decides where the return lists a note."""
	return (facts["home"] or facts)["total"]
