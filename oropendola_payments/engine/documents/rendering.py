"""The printed form of a document: a page from its frozen content, and a PDF whose bytes are kept from the first time it is made.

Templates change over the years, kept bytes do not. A site that cannot make PDFs serves the page, and the PDF is made later.
"""

import hashlib
import importlib
import shutil
from collections.abc import Callable
from typing import Any

import frappe
from frappe import _

from oropendola_payments.ai_billing import document_page, formatting
from oropendola_payments.ai_billing.doctype.ai_tax_document.ai_tax_document import AITaxDocument
from oropendola_payments.engine.core.after_commit import MAILS, enqueue_once
from oropendola_payments.engine.core.transactions import safely
from oropendola_payments.exceptions import Conflict, DocumentIsFrozen

DOCTYPE = "AI Tax Document"
FILE_FIELDS = ("file_url", "is_private", "attached_to_doctype", "attached_to_name")
TEMPLATE = "oropendola_payments/templates/documents/tax_document.html"
PAGE = {
	"page-size": "A4",
	"margin-top": "15mm",
	"margin-bottom": "15mm",
	"margin-left": "15mm",
	"margin-right": "15mm",
}


def html_of(document: AITaxDocument, standalone: bool = True) -> str:
	"""Return the document as a page that loads nothing else."""
	return render(document.facts(), standalone)


def render(facts: dict, standalone: bool = True) -> str:
	with formatting.in_language(document_page.LANGUAGE):
		return frappe.get_template(TEMPLATE).render(
			{"d": document_page.printed(facts), "standalone": standalone}
		)


# PDF ----------------------------------------------------------------------------------------------


def pdf_of(document: AITaxDocument) -> bytes | None:
	"""Return the kept PDF, made and kept now if it is the first time; None if this site cannot make PDFs."""
	kept = kept_pdf(document)
	if kept or document.pdf_hash:
		return kept
	pdf = make_pdf(html_of(document))
	return _keep(document, pdf) if pdf else None


def pdf_to_read(document: AITaxDocument) -> bytes | None:
	"""Return the PDF without storing anything: the kept one, else one made now while a job keeps its own."""
	if document.pdf_hash:
		return kept_pdf(document)
	pdf = make_pdf(html_of(document))
	if pdf:
		enqueue_once(
			"oropendola_payments.engine.documents.rendering.keep_pdf",
			f"pdf-{document.name}",
			MAILS,
			name=document.name,
		)
	return pdf


def kept_pdf(document: AITaxDocument) -> bytes | None:
	"""Return the kept bytes, if they are still those that were kept. Raises Conflict if they were changed."""
	if not document.pdf_hash:
		return None
	content = frappe.get_doc("File", {"file_url": document.pdf_file}).get_content()
	pdf = content if isinstance(content, bytes) else content.encode()
	if hash_of(pdf) != document.pdf_hash:
		raise Conflict(
			_("The PDF of {0} is not the one that was kept. Please contact us.").format(document.name)
		)
	return pdf


def _keep(document: AITaxDocument, pdf: bytes) -> bytes | None:
	"""Keep the bytes at the document and, the same file, at its invoice.

	Frappe removes a file from the disk before a hook can refuse that, unless another record has the same file.
	"""
	file = _attach(pdf, document, document.doctype, document.name)
	_attach(pdf, document, "AI Invoice", document.invoice)
	if document.keep_pdf(file.file_url, hash_of(pdf)):
		return pdf
	frappe.db.rollback()  # somebody else kept one at the same time
	return kept_pdf(frappe.get_doc("AI Tax Document", document.name))


def _attach(pdf: bytes, document: AITaxDocument, doctype: str, name: str) -> Any:
	file = frappe.new_doc("File")
	file.update({"file_name": f"{document.name}.pdf", "is_private": 1, "content": pdf})
	file.update({"attached_to_doctype": doctype, "attached_to_name": name})
	file.insert(ignore_permissions=True)
	return file


def refuse_change_of_file(file: Any, method: str | None = None) -> None:
	"""For `doc_events` of File: nobody deletes, renames or publishes the kept PDF of a document."""
	before = file.get_doc_before_save() or file
	if before.attached_to_doctype not in (DOCTYPE, "AI Invoice") or (method == "validate" and file.is_new()):
		return
	changed = method == "on_trash" or any(file.get(name) != before.get(name) for name in FILE_FIELDS)
	if changed and frappe.db.exists(DOCTYPE, {"pdf_file": before.file_url}):
		message = _("{0} is kept as it was issued. It cannot be changed or deleted.")
		raise DocumentIsFrozen(message.format(file.file_name))


def keep_pdf(name: str) -> None:
	"""Make and keep the PDF of a document, in a transaction of its own. A failure leaves it for the next time."""
	safely(lambda: pdf_of(frappe.get_doc("AI Tax Document", name)))


def can_make_pdf() -> bool:
	return bool(make_pdf("<p>PDF</p>"))


def make_pdf(html: str) -> bytes | None:
	"""Return the page as PDF by the first engine that works here, or None. The Error Log has the reason if none does."""
	for engine in (_by_framework, _by_weasyprint):
		try:
			return engine(html)
		except (ImportError, NotImplementedError):
			continue  # not installed
		except Exception:
			frappe.log_error(
				title="A tax document could not be made into a PDF", message=frappe.get_traceback()
			)
	return None


def _by_framework(html: str) -> bytes:
	"""With wkhtmltopdf, which Frappe uses for its own documents."""
	if not shutil.which("wkhtmltopdf"):
		raise NotImplementedError
	get_pdf: Callable = frappe.get_attr("frappe.utils.pdf.get_pdf")
	return get_pdf(html, dict(PAGE))


def _by_weasyprint(html: str) -> bytes:
	"""A bench has it as well; it needs no program beside it."""
	return importlib.import_module("weasyprint").HTML(string=html).write_pdf()


def hash_of(pdf: bytes) -> str:
	return hashlib.sha256(pdf).hexdigest()


def attachment(document: AITaxDocument) -> dict:
	"""Return the document for `frappe.sendmail`: its PDF, or its page if this site makes no PDFs."""
	pdf = pdf_of(document)
	if pdf:
		return {"fname": f"{document.name}.pdf", "fcontent": pdf}
	return page_attachment(document)


def page_attachment(document: AITaxDocument) -> dict:
	return {"fname": f"{document.name}.html", "fcontent": html_of(document).encode()}
