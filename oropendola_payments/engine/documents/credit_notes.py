"""Credit notes: what a refund gives back, with the tax split as on the document it corrects.

A note is cut from the frozen document, not from what the customer's profile says today. Only what paid the invoice is credited: the
refund of a duplicate or surplus payment reverses no supply and gets no note.
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


def _issue_locked(refund: frappe._dict, original: AITaxDocument, stamp: Stamp) -> str | None:
	invoice: AIInvoice = lock("AI Invoice", refund.invoice)
	notes = notes_of(invoice.name)
	known = next((note.name for note in notes if note.refund == refund.name), None)
	amount = min(to_decimal(refund.amount), not_credited(invoice, notes))
	if known or amount <= 0 or invoice.tax_document != original.name or _was_paid_again(invoice, refund):
		return None
	facts = original.facts()
	amount = min(amount, left_of(facts, notes))
	if amount <= 0:
		return None
	draft = replace(
		draft_of_note(facts, notes, quantize(amount, invoice.currency), invoice.user),
		source_key=f"refund:{refund.name}",
		refund=refund.name,
		reason=refund.reason or _("Refund"),
	)
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
	"""Return how much of the invoice was refunded without a credit note so far."""
	credited = sum((to_decimal(note.total_amount) for note in notes if note.refund), Decimal(0))
	return invoice.refunded_of_sale() - credited


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
