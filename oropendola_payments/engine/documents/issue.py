"""Issue the document of a paid invoice, in a transaction of its own after the payment's."""

from datetime import datetime
from functools import partial

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing import document_states
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED, AIInvoice
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.documents import content, sale
from oropendola_payments.engine.documents.credit_notes import record
from oropendola_payments.engine.documents.numbering import with_numbers
from oropendola_payments.engine.documents.types import Held, Stamp
from oropendola_payments.engine.gateway.mode_guard import is_tried_out

KIND = "Invoice"
FIELDS = (
	"document_state",
	"tax_document",
	"tax_registration",
	"tax_treatment",
	"tax_rule",
	"seller_snapshot",
)


def issue_for_invoice(invoice: str, at: datetime | None = None) -> str | None:
	"""Return the number of the invoice's document, issued now if it is due; None if it needs none, or waits for something.

	May be called any number of times and by many at once. What is missing is stored on the invoice, where staff see it.
	"""
	row = frappe.db.get_value("AI Invoice", invoice, [*FIELDS], as_dict=True)
	if not row or row.document_state not in document_states.WAITING:
		return row and row.tax_document
	registration = sale.registration_for(row)
	if not registration:
		return in_transaction(_close_without_document, invoice)
	try:
		work = partial(_issue_locked, invoice, registration)
		issued = with_numbers(sale.numberer_of(registration), (KIND,), work, at)
		return issued or frappe.db.get_value("AI Invoice", invoice, "tax_document")
	except Held as reason:
		in_transaction(_hold, invoice, str(reason))
		return None


def _issue_locked(name: str, registration: str, stamps: dict[str, Stamp]) -> str | None:
	invoice: AIInvoice = lock("AI Invoice", name)
	if not _is_due(invoice):
		return None
	stamp = stamps[KIND]
	draft = sale.draft_of(invoice, stamp.day)
	if draft.registration != registration:
		raise Held(
			_("The seller's tax registration changed just now. The document will be issued in a moment.")
		)
	document = content.insert(draft, stamp)
	record(invoice, document)
	invoice.write(
		tax_document=document.name,
		document_state=document_states.after_document(invoice.taken_back()),
		document_problem=None,
	)
	return document.name


def _is_due(invoice: AIInvoice) -> bool:
	"""Return whether the invoice needs a document now. Money that bought no service needs none, once it is decided what happens to it.

	Nor does play money: the number would be declared to the tax office, and cannot be taken back.
	"""
	if invoice.document_state not in document_states.WAITING or invoice.status not in (*SETTLED, "Closed"):
		return False
	if not is_tried_out(invoice.name):
		if invoice.fulfilled_on or cint(invoice.covered_days):
			return True
		decided = {"invoice": invoice.name, "resolution": ("in", ("Refund", "Credit"))}
		if invoice.status != "Refunded" and not frappe.db.exists("Payment Capture", decided):
			raise Held(
				_("The service has not been started. Please retry the fulfilment or refund the payment.")
			)
	invoice.write(document_state=document_states.NOT_NEEDED, document_problem=None)
	return False


def _close_without_document(name: str) -> None:
	"""A seller who is not registered for tax issues no tax documents: the receipt is the document."""
	invoice: AIInvoice = lock("AI Invoice", name)
	if invoice.document_state in document_states.WAITING:
		invoice.write(document_state=document_states.NOT_NEEDED, document_problem=None)


def _hold(name: str, problem: str) -> None:
	_write_problem(lock("AI Invoice", name), problem)


def _write_problem(invoice: AIInvoice, problem: str) -> None:
	if invoice.document_state in document_states.WAITING and invoice.document_problem != problem:
		invoice.record("tax_document_held", invoice, to_status=document_states.HELD, reason=problem)
		invoice.write(document_state=document_states.HELD, document_problem=problem)
