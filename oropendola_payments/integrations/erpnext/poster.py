"""Book one posting. What the books say is compared with ours before the transaction ends; a difference undoes it."""

from collections.abc import Callable
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import getdate

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.doctype.payment_posting.payment_posting import PaymentPosting
from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import PaymentRefund
from oropendola_payments.ai_billing.formatting import money as shown
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.integrations.erpnext import sales
from oropendola_payments.integrations.erpnext.types import INVOICE, PAYMENT, Booked, Books, Money, Sale
from oropendola_payments.integrations.outbox.credits import CREDITED
from oropendola_payments.integrations.outbox.paying import paid_by
from oropendola_payments.integrations.outbox.reversals import reversed_by
from oropendola_payments.integrations.outbox.service_user import as_service_user
from oropendola_payments.integrations.outbox.types import Made, NeedsAttention, NotYet
from oropendola_payments.money import quantize


def post(posting: PaymentPosting, books: Books) -> Made:
	with as_service_user():
		return POSTERS[posting.kind](posting, frappe.get_doc("AI Invoice", posting.invoice), books)


# Money in -----------------------------------------------------------------------------------------


def _pay_request(posting: PaymentPosting, invoice: AIInvoice, books: Books) -> Made:
	capture = _capture(posting)
	money = _money_of(posting, capture)
	if known := books.find(PAYMENT, money.key):
		return Made(PAYMENT, known)
	request = books.request(invoice.external_name or "")
	if not request:
		message = _(
			"Payment Request {0} does not exist any more. Please book or refund this payment by hand."
		)
		raise NeedsAttention(message.format(invoice.external_name))
	if request.currency != money.currency:
		message = _("{0} came in, but Payment Request {1} is in {2}. Please book this payment by hand.")
		raise NeedsAttention(
			message.format(shown(money.amount, money.currency), request.name, request.currency)
		)
	wanted = request.outstanding if request.is_submitted else Decimal(0)
	return books.pay_request(request.name, money, min(paid_by(capture), wanted))


def _pay(posting: PaymentPosting, invoice: AIInvoice, books: Books) -> Made:
	capture = _capture(posting)
	if capture.credit_from:
		return _spend_credit(capture, invoice, books)
	sold = _made(f"invoice:{invoice.name}")
	money = _money_of(posting, capture)
	if known := books.find(PAYMENT, money.key):
		return Made(PAYMENT, known)
	return books.receive(
		sales.buyer_of(invoice), money, sold, _part_of(capture, invoice) if sold else Decimal(0)
	)


def _spend_credit(capture: PaymentCapture, invoice: AIInvoice, books: Books) -> Made:
	"""Credit is money that is in the books already, as an advance."""
	_require_advance(capture.credit_from or "")
	payment = _required(f"capture:{capture.credit_from}")
	sold = _required(f"invoice:{invoice.name}")
	if amount := _part_of(capture, invoice):
		books.allocate(payment, sold, amount)
	return Made(PAYMENT, payment)


def _part_of(capture: PaymentCapture, invoice: AIInvoice) -> Decimal:
	"""Return how much of a payment its sale takes, which is in the books already: at most what earlier payments have left of it."""
	taken = sum((amount for _payment, amount in _paid_before(invoice)), Decimal(0))
	return min(_applied(capture), invoice.sold() - taken)


def _require_advance(source: str) -> None:
	"""Raise NeedsAttention if the credit is of a sale that was taken back: in the books its money pays that sale and is no advance."""
	paid: PaymentCapture = frappe.get_doc("Payment Capture", source)
	if quantize(paid.credit_used or 0, paid.currency) > quantize(paid.amount, paid.currency) - _applied(paid):
		message = _(
			"This was paid with credit for what was taken back of invoice {0}. Please book a credit note for {0} by hand, if there is none, and match it with this invoice."
		)
		raise NeedsAttention(message.format(paid.invoice))


# Sales --------------------------------------------------------------------------------------------


def _sell(posting: PaymentPosting, invoice: AIInvoice, books: Books) -> Made:
	sale = sales.sale_of(invoice)
	if known := books.find(INVOICE, sale.key):
		return Made(INVOICE, known)
	booked = books.book_sale(sale)
	_require_same(sale, booked)
	for payment, amount in _paid_before(invoice):
		books.allocate(payment, booked.name, amount)
	_require_same_document(sale, invoice.name)
	return Made(INVOICE, booked.name)


def _require_same_document(sale: Sale, invoice: str) -> None:
	"""Raise NotYet if the tax document was issued again since it was read. The lock keeps it until the posting says when it was booked."""
	if (lock("AI Invoice", invoice).tax_document or "") != sale.number:
		raise NotYet(_("The tax document of the invoice has just been issued again."))


def _paid_before(invoice: AIInvoice) -> list[tuple[str, Decimal]]:
	"""Return the payments of the invoice that are in the books already, as with parts, and how much of each it takes."""
	filters = {"invoice": invoice.name, "kind": "Payment", "status": "Done"}
	rows = frappe.get_all(
		"Payment Posting", filters, ["capture", "document_name"], order_by="posted_on, name"
	)
	found, left = [], invoice.sold()  # a part that was refunded and paid again came in twice
	for row in rows:
		capture: PaymentCapture = frappe.get_doc("Payment Capture", row.capture)
		amount = min(left, _applied(capture))
		left -= amount
		if amount > 0:
			found.append((row.document_name, amount))
	return found


def _take_back(posting: PaymentPosting, invoice: AIInvoice, books: Books) -> Made:
	if not posting.refund:
		sold = _required(f"invoice:{invoice.name}")
		return _book_note(sales.note_of_credit(invoice, posting), sold, books)
	_require_refunded(posting)
	if frappe.db.exists("Payment Posting", {"source_key": f"{CREDITED}{invoice.name}"}):
		message = _(
			"A part of this sale was kept as credit before, and refund {0} may be of it. Please book what is missing by hand and press Close."
		)
		raise NeedsAttention(message.format(posting.refund))
	sold = _required(f"invoice:{invoice.name}")
	note = sales.note_of(invoice, posting.refund or "")
	if known := books.find(INVOICE, note.key):
		return Made(INVOICE, known)
	if _made(f"refund:{posting.refund}"):
		message = _("The refund {0} was booked before its credit note. Please book and match it by hand.")
		raise NeedsAttention(message.format(posting.refund))
	return _book_note(note, sold, books)


def _book_note(note: Sale, sold: str, books: Books) -> Made:
	if known := books.find(INVOICE, note.key):
		return Made(INVOICE, known)
	booked = books.book_credit_note(note, sold)
	_require_same(note, booked)
	return Made(INVOICE, booked.name)


def _require_same(sale: Sale, booked: Booked) -> None:
	"""Raise NeedsAttention if the books have another amount than our invoice, be it the smallest unit."""
	ours = (sale.net, sale.total, tuple(tax.amount for tax in sale.taxes))
	if ours != (booked.net, booked.total, booked.taxes):
		message = _(
			"ERPNext makes {0} of an invoice of {1}. Nothing was booked. Please compare the taxes and the rounding there."
		)
		raise NeedsAttention(message.format(_sums(booked.net, booked.taxes, sale), _sums(*ours[::2], sale)))


def _sums(net: Decimal, taxes: tuple[Decimal, ...], sale: Sale) -> str:
	return " + ".join(shown(amount, sale.currency) for amount in (net, *taxes))


# Money out ----------------------------------------------------------------------------------------


def _pay_back(posting: PaymentPosting, invoice: AIInvoice, books: Books) -> Made:
	refund = _require_refunded(posting)
	paid = _required(f"capture:{posting.capture}")
	money = Money(
		key=posting.source_key or "",
		gateway=refund.gateway,
		amount=quantize(refund.amount, refund.currency),
		currency=refund.currency,
		reference=refund.gateway_refund_id or refund.name,
		day=getdate(refund.completed_at),
	)
	if known := books.find(PAYMENT, money.key):
		return Made(PAYMENT, known)
	note = _note_of(refund.name)
	allocated = min(money.amount, reversed_by(invoice, refund.name)) if note else Decimal(0)
	return books.pay_back(money, paid, note, allocated)


def _note_of(refund: str) -> str | None:
	"""Return the credit note that a refund pays. ERPNext cannot match them afterwards, so the money waits for a note that is planned."""
	key = f"note:{refund}"
	planned = {"source_key": key, "status": ("!=", "Closed")}
	return _required(key) if frappe.db.exists("Payment Posting", planned) else None


def _require_refunded(posting: PaymentPosting) -> PaymentRefund:
	"""Return the refund. Raises NeedsAttention unless its money went back: a bank may reject it after it was planned."""
	refund: PaymentRefund = frappe.get_doc("Payment Refund", posting.refund)
	if refund.status != "Refunded":
		message = _(
			"Refund {0} was not made, so there is nothing to book. Please cancel what ERPNext has of it."
		)
		raise NeedsAttention(message.format(refund.name))
	return refund


# What the postings know ---------------------------------------------------------------------------


def _made(key: str) -> str | None:
	"""Return the document that another posting made."""
	filters = {"source_key": key, "status": "Done"}
	return frappe.db.get_value("Payment Posting", filters, "document_name")


def _required(key: str) -> str:
	"""As `_made`. Raises NotYet while it is not in the books, and NeedsAttention if it never will be through us."""
	row = frappe.db.get_value(
		"Payment Posting", {"source_key": key}, ["status", "document_name"], as_dict=True
	)
	if not row or row.status == "Closed":
		message = _("What this belongs to was not booked here ({0}). Please book this by hand, too.")
		raise NeedsAttention(message.format(key))
	if row.status != "Done":
		raise NotYet(_("Something else has to be booked first ({0}).").format(key))
	return row.document_name


def _capture(posting: PaymentPosting) -> PaymentCapture:
	return frappe.get_doc("Payment Capture", posting.capture)


def _applied(capture: PaymentCapture) -> Decimal:
	return quantize(capture.applied_amount or 0, capture.currency)


def _money_of(posting: PaymentPosting, capture: PaymentCapture) -> Money:
	return Money(
		key=posting.source_key or "",
		gateway=capture.gateway,
		amount=quantize(capture.amount, capture.currency),
		currency=capture.currency,
		reference=capture.gateway_payment_id,
		day=getdate(capture.captured_at or capture.creation),
	)


POSTERS: dict[str, Callable[[PaymentPosting, AIInvoice, Books], Made]] = {
	"Payment Request": _pay_request,
	"Invoice": _sell,
	"Payment": _pay,
	"Credit Note": _take_back,
	"Refund": _pay_back,
}
