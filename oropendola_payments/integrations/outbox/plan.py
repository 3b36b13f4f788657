"""Plan the postings of an invoice: one for each fact that another app has to know. Planning again adds only what is new."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import frappe
from frappe.query_builder import DocType
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED, AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.doctype.payment_posting.payment_posting import new_posting
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.integrations.outbox import switches
from oropendola_payments.integrations.outbox.paying import completed_by
from oropendola_payments.integrations.outbox.reversals import reversed_by

PAYMENT_REQUEST = "Payment Request"
LOOK_BACK = timedelta(days=3)
REJECTED = "The bank rejected this refund after it was booked. Please cancel the entry in ERPNext."


@dataclass(frozen=True)
class Fact:
	kind: str
	key: str
	values: dict = field(default_factory=dict)


def plan(invoice: str) -> None:
	"""Insert the postings of an invoice that are missing."""
	in_transaction(_plan_locked, invoice)


def plan_missing() -> None:
	"""Plan what a crash left unplanned. Looks at the last days only, so it grows with what happens, not with what exists."""
	for invoice in sorted(_with_unplanned_captures() | _with_unplanned_refunds()):
		plan(invoice)
	for posting in _booked_refunds_that_failed():
		in_transaction(_reopen, posting)


def _plan_locked(name: str) -> None:
	invoice: AIInvoice = lock("AI Invoice", name)
	known = set(frappe.get_all("Payment Posting", {"invoice": name}, pluck="source_key"))
	for fact in _facts(invoice):
		if fact.key not in known:
			new_posting(invoice, fact.kind, fact.key, **fact.values)


def _facts(invoice: AIInvoice) -> Iterator[Fact]:
	captures = _captures(invoice)
	if not captures:
		return
	if not invoice.is_external():
		if switches.books_sales() and _is_booked_from_the_start(captures):
			yield from _facts_of_sale(invoice, captures)
	elif invoice.external_doctype == PAYMENT_REQUEST and switches.books_path():
		yield from (_of_capture("Payment Request", capture) for capture in captures)
		yield from (_of_refund("Refund", refund) for refund in _refunds(invoice))
	elif capture := completed_by(invoice):
		yield Fact("Document", f"document:{invoice.name}", _money(capture, capture=capture.name))


def _facts_of_sale(invoice: AIInvoice, captures: list[PaymentCapture]) -> Iterator[Fact]:
	is_sold = bool(invoice.fulfilled_on or cint(invoice.covered_days)) and invoice.status in (
		*SETTLED,
		"Closed",
	)
	if is_sold:
		sold = invoice.paid() if invoice.status == "Closed" else invoice.total()
		yield Fact("Invoice", f"invoice:{invoice.name}", {"amount": sold, "currency": invoice.currency})
	yield from (_of_capture("Payment", capture) for capture in captures)
	for refund in _refunds(invoice):
		if is_sold and reversed_by(invoice, refund.name):
			yield _of_refund("Credit Note", refund)
		if refund.gateway != "credit":  # no money moved
			yield _of_refund("Refund", refund)


def _of_capture(kind: str, capture: PaymentCapture) -> Fact:
	return Fact(kind, f"capture:{capture.name}", _money(capture, capture=capture.name))


def _of_refund(kind: str, refund: frappe._dict) -> Fact:
	prefix = "note" if kind == "Credit Note" else "refund"
	return Fact(kind, f"{prefix}:{refund.name}", _money(refund, capture=refund.capture, refund=refund.name))


def _money(row: frappe._dict | PaymentCapture, **values: str) -> dict:
	return {"amount": row.amount, "currency": row.currency, **values}


def _captures(invoice: AIInvoice) -> list[PaymentCapture]:
	names = frappe.get_all(
		"Payment Capture", {"invoice": invoice.name}, pluck="name", order_by="creation, name"
	)
	return [frappe.get_doc("Payment Capture", name) for name in names]


def _refunds(invoice: AIInvoice) -> list[frappe._dict]:
	filters = {"invoice": invoice.name, "status": "Refunded"}
	return frappe.get_all(
		"Payment Refund",
		filters,
		["name", "capture", "gateway", "amount", "currency"],
		order_by="completed_at, name",
	)


def _is_booked_from_the_start(captures: list[PaymentCapture]) -> bool:
	"""Return whether nothing was paid before the books were switched on: half a sale would not balance."""
	since = payment_settings().post_since
	return bool(since) and get_datetime(captures[0].creation) >= get_datetime(since)


# What is missing ----------------------------------------------------------------------------------


def _with_unplanned_captures() -> set[str]:
	capture, posting = DocType("Payment Capture"), DocType("Payment Posting")
	query = frappe.qb.from_(capture).left_join(posting).on(posting.capture == capture.name)
	query = query.where(capture.creation >= now_datetime() - LOOK_BACK).where(posting.name.isnull())
	return set(query.select(capture.invoice).run(pluck=True))


def _with_unplanned_refunds() -> set[str]:
	refund, posting = DocType("Payment Refund"), DocType("Payment Posting")
	query = frappe.qb.from_(refund).left_join(posting).on(posting.refund == refund.name)
	query = query.where(refund.status == "Refunded").where(refund.completed_at >= now_datetime() - LOOK_BACK)
	return set(query.where(posting.name.isnull()).select(refund.invoice).run(pluck=True))


def _booked_refunds_that_failed() -> list[str]:
	refund, posting = DocType("Payment Refund"), DocType("Payment Posting")
	query = frappe.qb.from_(refund).join(posting).on(posting.refund == refund.name)
	query = query.where(refund.status == "Failed").where(refund.completed_at >= now_datetime() - LOOK_BACK)
	return query.where(posting.status == "Done").select(posting.name).run(pluck=True)


def _reopen(name: str) -> None:
	posting = lock("Payment Posting", name)
	if posting.status == "Done":
		posting.mark_as_needing_attention(REJECTED)
