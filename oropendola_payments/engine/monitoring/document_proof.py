"""Prove that documents are as they were issued: content, columns, lines and the hash in the audit trail agree."""

import json
from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.doctype.ai_tax_document.ai_tax_document import LINE, AITaxDocument
from oropendola_payments.engine.documents import content
from oropendola_payments.money import quantize, to_decimal

EVENTS = ("tax_invoice_issued", "credit_note_issued")
BATCH = 200
COLUMNS = {
	"name": "number",
	"kind": "kind",
	"title": "title",
	"issue_date": "issue_date",
	"registration": "registration",
	"financial_year": "financial_year",
	"invoice": "invoice",
	"currency": "currency",
	"treatment": "treatment",
	"place_of_supply": "place_of_supply",
}
AMOUNTS = {"net_amount": "net", "tax_amount": "tax", "total_amount": "total"}


def first_fault(invoice: str | None = None) -> dict | None:
	"""Return the first document that is not as it was issued, as the audit trail reports it; None if all are."""
	last = ""
	while True:
		filters = {"name": (">", last), **({"invoice": invoice} if invoice else {})}
		names = frappe.get_all("AI Tax Document", filters, pluck="name", order_by="name", limit=BATCH)
		for name in names:
			reason = fault(frappe.get_doc("AI Tax Document", name))
			if reason:
				return {"link": name, "reason": reason}
		if len(names) < BATCH:
			return None
		last = names[-1]


def fault(document: AITaxDocument) -> str | None:
	"""Return what is wrong with a document, or None."""
	if content.hash_of(document.content or "") != document.content_hash:
		return "its content was changed after it was issued"
	if document.content_hash != _recorded_hash(document):
		return "the audit trail has another hash of its content"
	facts = document.facts()
	if not _columns_agree(document, facts):
		return "its columns do not say what its content says"
	return None if _lines_agree(document, facts) else "its lines do not say what its content says"


def _recorded_hash(document: AITaxDocument) -> str | None:
	filters = {"invoice": document.invoice, "event": ("in", EVENTS), "reference_name": document.name}
	details = frappe.get_all("Payment Event", filters, pluck="details")
	return json.loads(details[0]).get("content_hash") if details else None


def _columns_agree(document: AITaxDocument, facts: dict) -> bool:
	texts = all(str(document.get(column) or "") == facts[name] for column, name in COLUMNS.items())
	return texts and all(
		quantize(document.get(column), document.currency) == to_decimal(facts[name])
		for column, name in AMOUNTS.items()
	)


def _lines_agree(document: AITaxDocument, facts: dict) -> bool:
	rows = frappe.get_all(LINE, {"parent": document.name}, ["kind", "amount"], order_by="idx")
	expected = [("Item", row["amount"]) for row in facts["lines"]] + [
		("Tax", row["amount"]) for row in facts["taxes"]
	]
	same = [(row.kind, quantize(row.amount, document.currency)) for row in rows]
	total = sum((to_decimal(amount) for _kind, amount in expected), Decimal(0))
	return same == [(kind, to_decimal(amount)) for kind, amount in expected] and total == to_decimal(
		facts["total"]
	)
