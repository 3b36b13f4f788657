"""Plan the postings of an invoice: one for each fact that another app has to know. Planning again adds only what is new."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import frappe
from frappe.query_builder import DocType
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import EXTERNAL, SETTLED, AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.doctype.payment_posting.payment_posting import new_posting
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.gateway.mode_guard import is_tried_out
from oropendola_payments.integrations.outbox import switches
from oropendola_payments.integrations.outbox.credits import key_of_credit, notes_of_credit
from oropendola_payments.integrations.outbox.paying import completed_by
from oropendola_payments.integrations.outbox.reversals import reversed_by
from oropendola_payments.money import to_decimal

SOLD = (*SETTLED, "Closed")
PAYMENT_REQUEST = "Payment Request"
OVERLAP = timedelta(days=3)
REJECTED = "The bank rejected this refund after it was booked. Please cancel the entry in ERPNext."
AFTER_ALL = "The refund came after all. Please check that it is booked in ERPNext."


@dataclass(frozen=True)
class Fact:
	kind: str
	key: str
	values: dict = field(default_factory=dict)


def plan(invoice: str) -> None:
	"""Insert the postings of an invoice that are missing."""
	in_transaction(_plan_locked, invoice)


def plan_missing() -> None:
	"""Plan what a crash, downtime or a switch left unplanned. Looks back to the last run, so it grows with what happens, not with what exists."""
	begun, since = now_datetime(), _complete_until() - OVERLAP
	missing = _with_unplanned_captures(since) | _with_unplanned_refunds(since)
	missing |= _with_unplanned_sale(since) | _with_unplanned_credit(since)
	for invoice in sorted(missing):
		plan(invoice)
	for posting in _booked_refunds_that_failed(since):
		in_transaction(_reopen, posting)
	for posting in _refunds_that_came_after_all(since):
		in_transaction(_post_after_all, posting)
	in_transaction(_remember, begun)


def _remember(begun: datetime) -> None:
	frappe.db.set_single_value("Payment Settings", "postings_complete_until", begun, update_modified=False)


def _complete_until() -> datetime:
	"""Return until when nothing is missing. Before the first run nobody knows, so it is the time since which things are booked."""
	until = frappe.db.get_singles_dict("Payment Settings").get(
		"postings_complete_until"
	)  # an empty one is the year 1 elsewhere
	return get_datetime(until or payment_settings().post_since or now_datetime())


def _plan_locked(name: str) -> None:
	invoice: AIInvoice = lock("AI Invoice", name)
	known = _keys(name)
	for fact in _facts(invoice):
		if fact.key not in known:
			new_posting(invoice, fact.kind, fact.key, **fact.values)


def _facts(invoice: AIInvoice) -> Iterator[Fact]:
	captures = _captures(invoice)
	if not captures:
		return
	if not invoice.is_external():
		if switches.books_sales() and (_has_postings(invoice) or _is_booked_from_the_start(captures)):
			yield from _facts_of_sale(invoice, captures)
	elif invoice.external_doctype == PAYMENT_REQUEST and switches.books_path():
		yield from (_of_capture("Payment Request", capture) for capture in captures)
		yield from (_of_refund("Refund", refund) for refund in _refunds(invoice))
	elif capture := completed_by(invoice):
		yield Fact("Document", f"document:{invoice.name}", _money(capture, capture=capture.name))


def _facts_of_sale(invoice: AIInvoice, captures: list[PaymentCapture]) -> Iterator[Fact]:
	is_sold = bool(invoice.fulfilled_on or cint(invoice.covered_days)) and invoice.status in SOLD
	if is_sold:
		values = {"amount": invoice.sold(), "currency": invoice.currency}
		yield Fact("Invoice", f"invoice:{invoice.name}", values)
		yield from _credits(invoice)
	yield from (_of_capture("Payment", capture) for capture in captures)
	for refund in _refunds(invoice):
		if is_sold and reversed_by(invoice, refund.name):
			yield _of_refund("Credit Note", refund)
		if refund.gateway != "credit":  # no money moved
			yield _of_refund("Refund", refund)


def _credits(invoice: AIInvoice) -> Iterator[Fact]:
	"""Yield what was taken back and kept as credit: a fact for each of our credit notes, and one if there is none."""
	if kept := to_decimal(invoice.amount_credited or 0):
		amounts = [note.total_amount for note in notes_of_credit(invoice.name)] or [kept]
		for place, amount in enumerate(amounts):
			values = {"amount": amount, "currency": invoice.currency}
			yield Fact("Credit Note", key_of_credit(invoice.name, place), values)


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


def _has_postings(invoice: AIInvoice) -> bool:
	"""Return whether its booking has begun, so that it has to be gone on with."""
	return bool(frappe.db.exists("Payment Posting", {"invoice": invoice.name}))


def _is_booked_from_the_start(captures: list[PaymentCapture]) -> bool:
	"""Return whether nothing was paid before the books were switched on, as half a sale would not balance, and it was real money."""
	since = payment_settings().post_since
	if not since or get_datetime(captures[0].creation) < get_datetime(since):
		return False
	return not is_tried_out(captures[0].invoice)


# What is missing ----------------------------------------------------------------------------------


def _with_unplanned_captures(since: datetime) -> set[str]:
	capture, posting = DocType("Payment Capture"), DocType("Payment Posting")
	query = frappe.qb.from_(capture).left_join(posting).on(posting.capture == capture.name)
	query = query.where(capture.creation >= since).where(posting.name.isnull())
	return set(query.select(capture.invoice).run(pluck=True))


def _with_unplanned_refunds(since: datetime) -> set[str]:
	refund, posting = DocType("Payment Refund"), DocType("Payment Posting")
	query = frappe.qb.from_(refund).left_join(posting).on(posting.refund == refund.name)
	query = query.where(refund.status == "Refunded").where(refund.completed_at >= since)
	return set(query.where(posting.name.isnull()).select(refund.invoice).run(pluck=True))


def _with_unplanned_sale(since: datetime) -> set[str]:
	"""Return invoices whose payments are known here and whose sale, which came later, is not: parts whose rest was given up."""
	invoice, posting, sale = (
		DocType("AI Invoice"),
		DocType("Payment Posting"),
		DocType("Payment Posting").as_("sale"),
	)
	query = frappe.qb.from_(invoice).join(posting).on(posting.invoice == invoice.name)
	query = query.left_join(sale).on((sale.invoice == invoice.name) & (sale.kind == "Invoice"))
	query = query.where(invoice.status.isin(SOLD)).where(invoice.purpose != EXTERNAL)
	query = query.where(invoice.fulfilled_on.notnull() | (invoice.covered_days > 0))
	query = query.where(invoice.modified >= since).where(sale.name.isnull())
	return set(query.select(invoice.name).run(pluck=True))


def _with_unplanned_credit(since: datetime) -> set[str]:
	"""Return invoices with credit that was taken back and is not planned. Later credit notes have postings of their own."""
	invoice, posting = DocType("AI Invoice"), DocType("Payment Posting")
	query = frappe.qb.from_(invoice).join(posting).on(posting.invoice == invoice.name).select(invoice.name)
	query = query.where(invoice.amount_credited > 0).where(invoice.modified >= since)
	names = query.where(invoice.purpose != EXTERNAL).distinct().run(pluck=True)
	return {name for name in names if key_of_credit(name, _last_place(name)) not in _keys(name)}


def _last_place(invoice: str) -> int:
	return max(0, len(notes_of_credit(invoice)) - 1)


def _keys(invoice: str) -> set[str]:
	return set(frappe.get_all("Payment Posting", {"invoice": invoice}, pluck="source_key"))


def _booked_refunds_that_failed(since: datetime) -> list[str]:
	refund, posting = DocType("Payment Refund"), DocType("Payment Posting")
	query = frappe.qb.from_(refund).join(posting).on(posting.refund == refund.name)
	query = query.where(refund.status == "Failed").where(refund.completed_at >= since)
	return query.where(posting.status == "Done").select(posting.name).run(pluck=True)


def _reopen(name: str) -> None:
	posting = lock("Payment Posting", name)
	if posting.status == "Done":
		posting.mark_as_needing_attention(REJECTED)


def _refunds_that_came_after_all(since: datetime) -> list[str]:
	"""Return postings that somebody or something gave up before the gateway corrected the failure of their refund."""
	refund, posting = DocType("Payment Refund"), DocType("Payment Posting")
	query = frappe.qb.from_(refund).join(posting).on(posting.refund == refund.name)
	query = query.where(refund.status == "Refunded").where(refund.completed_at >= since)
	query = query.where(posting.modified < refund.completed_at)
	return (
		query.where(posting.status.isin(("Needs Attention", "Closed"))).select(posting.name).run(pluck=True)
	)


def _post_after_all(name: str) -> None:
	posting = lock("Payment Posting", name)
	if posting.status == "Needs Attention":
		posting.mark_as_waiting()
	elif posting.status == "Closed":
		posting.mark_as_needing_attention(AFTER_ALL)
