"""What an invoice says about its tax document. The sweep looks at the open states only, so it grows with what is due."""

from decimal import Decimal
from typing import TYPE_CHECKING

from frappe.utils import cint

from oropendola_payments.money import to_decimal

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice

DUE = "Due"  # paid, and nobody has tried to issue the document yet
HELD = "Held"  # something is missing; `document_problem` says what
ISSUED = "Issued"
CREDIT_DUE = "Credit Due"  # issued, and what was refunded or kept as credit has no credit note yet
NOT_NEEDED = "Not Needed"
WAITING = (DUE, HELD)
OPEN = (DUE, HELD, CREDIT_DUE)


def after_payment(invoice: "AIInvoice") -> str:
	if invoice.is_external():
		return NOT_NEEDED  # the other app has its own
	return DUE if to_decimal(invoice.total_amount or 0) > 0 else NOT_NEEDED


def after_close(covered_days: int, kept: Decimal) -> str:
	"""An invoice whose rest was given up has sold the days that its parts paid for."""
	return DUE if cint(covered_days) and kept > 0 else NOT_NEEDED


def after_refund(invoice: "AIInvoice", refunded: Decimal) -> dict:
	"""Return the columns to write with a new refunded amount. It shrinks when a bank rejects a refund later."""
	is_new = refunded != to_decimal(invoice.amount_refunded or 0)
	return {"document_state": CREDIT_DUE} if is_new and invoice.document_state == ISSUED else {}


def after_credit(invoice: "AIInvoice", credited: Decimal) -> dict:
	"""Return the columns to write with a new amount that was kept as credit. It shrinks when the credit is refunded: its note stays."""
	is_more = credited > to_decimal(invoice.amount_credited or 0)
	return {"document_state": CREDIT_DUE} if is_more and invoice.document_state == ISSUED else {}


def after_document(not_credited: Decimal) -> str:
	"""Return the state after a document was issued: done, unless something that was taken back still needs a note."""
	return CREDIT_DUE if not_credited > 0 else ISSUED
