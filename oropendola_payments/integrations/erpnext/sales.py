"""What an invoice of ours sold and what its refunds took back, as the books have to have it."""

import json
from collections.abc import Iterable
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import get_datetime, getdate

from oropendola_payments.ai_billing import document_states
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_posting.payment_posting import PaymentPosting
from oropendola_payments.ai_billing.formatting import money
from oropendola_payments.engine.documents import content
from oropendola_payments.engine.documents.split import split_refund
from oropendola_payments.engine.documents.types import Party, TaxLine
from oropendola_payments.integrations.erpnext.types import Buyer, Sale, Tax
from oropendola_payments.integrations.outbox.credits import key_of_credit, notes_of_credit
from oropendola_payments.integrations.outbox.reversals import reversals
from oropendola_payments.integrations.outbox.types import NeedsAttention, NotYet
from oropendola_payments.money import quantize, to_decimal


def sale_of(invoice: AIInvoice) -> Sale:
	"""Return the sale as our tax document has it, else as the invoice has it. Raises NotYet while a document is due."""
	if invoice.document_state in document_states.WAITING:
		raise NotYet(_("The tax document of the invoice has not been issued yet."))
	key = f"invoice:{invoice.name}"
	if not invoice.tax_document:
		return _by_invoice(invoice, key)
	sale = _by_document(invoice, invoice.tax_document, key)
	if sale.total != invoice.sold():
		message = _("{0} is for what a refund had left of the sale. Please book sale and refund by hand.")
		raise NeedsAttention(message.format(invoice.tax_document))
	return sale


def note_of(invoice: AIInvoice, refund: str) -> Sale:
	"""Return what the credit note of a refund takes back, its tax in the proportion of the sale."""
	key = f"note:{refund}"
	issued = frappe.db.get_value("AI Tax Document", {"refund": refund, "kind": "Credit Note"})
	if issued:
		_require_same_document(invoice, issued)
		return _by_document(invoice, issued, key)
	if invoice.document_state == document_states.CREDIT_DUE:
		raise NotYet(_("The credit note of the refund has not been issued yet."))
	return _cut_from(invoice, sale_of(invoice), refund, key)


def note_of_credit(invoice: AIInvoice, posting: PaymentPosting) -> Sale:
	"""Return what our credit note takes back of what was kept as credit.

	Raises NeedsAttention if our notes are for more or less than what is credit now, as after its refund, or if there are none.
	"""
	if invoice.document_state == document_states.CREDIT_DUE:
		raise NotYet(_("The credit note of what was kept as credit has not been issued yet."))
	notes = notes_of_credit(invoice.name)
	by_key = {key_of_credit(invoice.name, place): note.name for place, note in enumerate(notes)}
	number = by_key.get(posting.source_key or "")
	noted = sum((to_decimal(note.total_amount) for note in notes), Decimal(0))
	if (
		not number
		or noted != to_decimal(invoice.amount_credited or 0)
		or _was_corrected_by_hand(posting, by_key)
	):
		message = _(
			"{0} of this sale was taken back and kept as credit of the customer. Please book its credit note by hand and press Close."
		)
		raise NeedsAttention(message.format(money(posting.amount, invoice.currency)))
	_require_same_document(invoice, number)
	return _by_document(invoice, number, posting.source_key or "")


def _was_corrected_by_hand(posting: PaymentPosting, keys: Iterable[str]) -> bool:
	"""Return whether somebody booked an earlier credit note by hand, which may have been for all of them."""
	others = {"source_key": ("in", list(keys)), "status": "Closed", "name": ("!=", posting.name)}
	return bool(frappe.db.exists("Payment Posting", others))


def _require_same_document(invoice: AIInvoice, note: str) -> None:
	"""Raise NeedsAttention if the books have the sale as an earlier document says it, whose taxes may be others."""
	corrected = frappe.db.get_value("AI Tax Document", note, "original")
	document = frappe.db.get_value("AI Tax Document", corrected, ["original", "creation"], as_dict=True)
	booked = frappe.db.get_value("Payment Posting", {"source_key": f"invoice:{invoice.name}"}, "posted_on")
	if document.original and booked and get_datetime(booked) < document.creation:
		message = _("{0} was issued after the sale was booked. Please correct the sale and book {1} by hand.")
		raise NeedsAttention(message.format(corrected, note))


def buyer_of(invoice: AIInvoice) -> Buyer:
	row = json.loads(invoice.buyer_snapshot) if invoice.buyer_snapshot else {}
	name = frappe.db.get_value("User", invoice.user, "full_name")
	return Buyer(
		user=invoice.user,
		name=row.get("name") or name or invoice.user,
		is_business=row.get("kind") == "Company",
		email=row.get("email") or "",
		address=tuple(row.get("address") or ()),
		city=row.get("city") or "",
		pincode=row.get("pincode") or "",
		state=row.get("state") or "",
		country=row.get("country") or "",
		tax_id=row.get("tax_id") or "",
		gst_category=row.get("gst_category") or "",
	)


def _by_document(invoice: AIInvoice, number: str, key: str) -> Sale:
	document = frappe.get_doc("AI Tax Document", number)
	facts = document.facts()
	items = content.items_in(facts)
	return Sale(
		key=key,
		buyer=_buyer_in(invoice, content.party_in(facts["buyer"])),
		plan=invoice.plan or "",
		description=items[0].description,
		code=items[0].code,
		net=sum((item.amount for item in items), Decimal(0)),
		taxes=tuple(_tax(line) for line in content.taxes_in(facts)),
		currency=document.currency,
		day=getdate(document.issue_date),
		number=number,
		place_of_supply=facts["place_of_supply"],
		reason=document.reason or "",
	)


def _buyer_in(invoice: AIInvoice, party: Party) -> Buyer:
	more = party.more
	city_line = " ".join(part for part in (more.get("city"), more.get("pincode")) if part)
	return Buyer(
		user=invoice.user,
		name=party.name or invoice.user,
		is_business=more.get("kind") == "Company",
		email=party.email,
		address=tuple(line for line in party.address if line != city_line),
		city=more.get("city") or "",
		pincode=more.get("pincode") or "",
		state=party.state,
		country=party.country,
		tax_id=party.tax_id,
		gst_category=more.get("gst_category") or "",
	)


def _tax(line: TaxLine) -> Tax:
	return Tax(line.label, line.rate, line.amount, line.account_hint)


def _by_invoice(invoice: AIInvoice, key: str) -> Sale:
	if invoice.sold() < invoice.total():
		raise NeedsAttention(
			_("The rest of this invoice was given up and there is no tax document. Please book it by hand.")
		)
	seller = json.loads(invoice.seller_snapshot) if invoice.seller_snapshot else {}
	fields = ["label", "rate", "amount", "account_hint"]
	rows = frappe.get_all("AI Invoice Tax", {"parent": invoice.name}, fields, order_by="idx")
	return Sale(
		key=key,
		buyer=buyer_of(invoice),
		plan=invoice.plan or "",
		description=invoice.description or _("Services"),
		code=seller.get("service_code") or "",
		net=quantize(invoice.net_amount or 0, invoice.currency),
		taxes=tuple(
			Tax(
				row.label,
				to_decimal(row.rate or 0),
				quantize(row.amount or 0, invoice.currency),
				row.account_hint or "",
			)
			for row in rows
		),
		currency=invoice.currency,
		day=getdate(invoice.paid_date),
		place_of_supply=invoice.place_of_supply or "",
	)


# Without documents: cut the credit notes of all refunds in their order, so that each gets what the earlier ones left --------------


def _cut_from(invoice: AIInvoice, sale: Sale, refund: str, key: str) -> Sale:
	taxes = [tax.amount for tax in sale.taxes]
	credited_net, credited_taxes = Decimal(0), [Decimal(0)] * len(taxes)
	for name, day, amount in reversals(invoice):
		(net,), parts = split_refund(amount, [sale.net], taxes, [credited_net], credited_taxes, sale.currency)
		if name == refund:
			return _part(sale, key, net, parts, day)
		credited_net += net
		credited_taxes = [sum(pair, Decimal(0)) for pair in zip(credited_taxes, parts, strict=True)]
	raise NeedsAttention(_("Refund {0} takes back nothing that was sold.").format(refund))


def _part(sale: Sale, key: str, net: Decimal, taxes: list[Decimal], day: object) -> Sale:
	lines = tuple(
		Tax(tax.label, tax.rate, amount, tax.account) for tax, amount in zip(sale.taxes, taxes, strict=True)
	)
	return Sale(
		key=key,
		buyer=sale.buyer,
		plan=sale.plan,
		description=sale.description,
		code=sale.code,
		net=net,
		taxes=lines,
		currency=sale.currency,
		day=getdate(day),
		place_of_supply=sale.place_of_supply,
		reason=_("Refund"),
	)
