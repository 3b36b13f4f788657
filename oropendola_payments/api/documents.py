"""Tax documents: download own ones, list them; staff export a period, managers correct a document."""

from datetime import date
from typing import Any

import frappe
from frappe import _
from werkzeug.wrappers import Response

from oropendola_payments.ai_billing.doctype.ai_tax_document.ai_tax_document import AITaxDocument
from oropendola_payments.ai_billing.records import may_see
from oropendola_payments.api import endpoint, refusal, require_login, require_manager, require_staff
from oropendola_payments.api.answers import billing as answers
from oropendola_payments.api.answers.types import File
from oropendola_payments.api.contract import described
from oropendola_payments.engine.core.urls import api_url
from oropendola_payments.engine.documents import reissue as corrections
from oropendola_payments.engine.documents import rendering, sweep
from oropendola_payments.engine.exports import files as exports
from oropendola_payments.engine.notifications import hooks
from oropendola_payments.exceptions import BadRequest, NotFound

# The page has inline styles and loads nothing else.
ONLY_STYLES = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
PRIVATE = {"Cache-Control": "private, no-store"}
MOST = 500


@frappe.whitelist(methods=["GET"])
@described(File(("application/pdf", "text/html")))
def download(document: Any = None) -> Response | dict:
	"""Return an own tax document as PDF, or as a page to print if no PDF can be made."""
	try:
		found = _visible(require_login(), str(document or ""))
		pdf = rendering.pdf_to_read(found)
	except Exception as error:
		return refusal(error)
	if pdf:
		name = {"Content-Disposition": f'attachment; filename="{found.name}.pdf"'}
		return Response(pdf, mimetype="application/pdf", headers={**name, **PRIVATE})
	headers = {"Content-Security-Policy": ONLY_STYLES, **PRIVATE}
	return Response(rendering.html_of(found), mimetype="text/html", headers=headers)


@endpoint(answer=answers.TaxDocuments)
def get_my_documents(invoice_id: str | None = None) -> dict:
	"""Return the user's tax documents, the latest first."""
	filters = {"user": require_login(), **({"invoice": invoice_id} if invoice_id else {})}
	fields = ["name", "kind", "title", "issue_date", "invoice", "original", "currency", "total_amount"]
	rows = frappe.get_all("AI Tax Document", filters, fields, order_by="creation desc", limit=MOST)
	return {"documents": [_listed(row) for row in rows]}


def _listed(row: frappe._dict) -> dict:
	return {
		"number": row.name,
		"kind": row.kind,
		"title": row.title,
		"issue_date": str(row.issue_date),
		"invoice": row.invoice,
		"corrects": row.original,
		"currency": row.currency,
		"total_amount": row.total_amount,
		"download_url": api_url(f"documents.download?document={row.name}"),
	}


@endpoint(methods=("POST",), source="Desk", answer=answers.IssuedDocuments, errors=("document_on_hold",))
def issue(invoice_id: str) -> dict:
	"""Issue what is due for an invoice now, and say what is missing if something is."""
	require_manager()
	_require_invoice(invoice_id)
	numbers = sweep.issue_all(invoice_id)
	if numbers:
		hooks.documents_issued(invoice_id, numbers)
	state = frappe.db.get_value(
		"AI Invoice", invoice_id, ["document_state", "document_problem"], as_dict=True
	)
	return {"documents": numbers, "state": state.document_state, "problem": state.document_problem}


@endpoint(methods=("POST",), source="Desk", answer=answers.ReissuedDocument, errors=("document_on_hold",))
def reissue(invoice_id: str, reason: str) -> dict:
	"""Replace the tax document of an invoice by one with the details of today: a credit note and a new document."""
	require_manager()
	_require_invoice(invoice_id)
	if not reason.strip():
		raise BadRequest(_("Please enter a reason. It is printed on the credit note."))
	numbers = corrections.reissue(invoice_id, reason.strip())
	hooks.documents_issued(invoice_id, numbers)
	return {"credit_note": numbers[0], "document": numbers[1]}


@frappe.whitelist(methods=["GET"])
@described(File(("text/csv", "application/json")))
def export(
	format: Any = "csv",
	from_date: Any = None,
	to_date: Any = None,
	registration: Any = None,
	table: Any = None,
) -> Response | dict:
	"""Return the documents of a period as a file."""
	try:
		require_login()
		require_staff()
		name, kind, text = exports.export(
			str(format),
			_day(from_date),
			_day(to_date),
			registration and str(registration),
			table and str(table),
		)
	except Exception as error:
		return refusal(error)
	headers = {"Content-Disposition": f'attachment; filename="{name}"', **PRIVATE}
	return Response(text, content_type=f"{kind}; charset=utf-8", headers=headers)


def _day(value: Any) -> date:
	try:
		return date.fromisoformat(str(value))
	except ValueError:
		raise BadRequest(_("Please give from_date and to_date as YYYY-MM-DD.")) from None


def _visible(user: str, name: str) -> AITaxDocument:
	"""Return a document of the user, or for staff any. A foreign one and a missing one get the same answer."""
	document = name and frappe.db.exists("AI Tax Document", name) and frappe.get_doc("AI Tax Document", name)
	if not document or not may_see(document, user):
		raise NotFound(_("There is no document {0}.").format(name))
	return document


def _require_invoice(name: str) -> None:
	if not frappe.db.exists("AI Invoice", name):
		raise NotFound(_("There is no invoice {0}.").format(name))
