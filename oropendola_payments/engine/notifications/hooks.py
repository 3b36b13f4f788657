"""Run the hooks of other apps and send emails after a payment event. Runs in a worker and changes no payment records."""

import frappe
from frappe.model.document import Document
from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN, SETTLED
from oropendola_payments.ai_billing.doctype.ai_tax_document.ai_tax_document import AITaxDocument
from oropendola_payments.ai_billing.top_up import TOP_UP
from oropendola_payments.engine.core.transactions import in_transaction, safely
from oropendola_payments.engine.documents.sweep import issue_all
from oropendola_payments.engine.notifications import (
	credit_mails,
	documents,
	emails,
	subscription_mails,
	untold,
	usage_mails,
)
from oropendola_payments.gateways.base import HOLD_RETURNED


def payment_succeeded(capture: str) -> None:
	"""Run the hooks for a capture, Frappe's own `on_payment_authorized` included, and send the receipt.

	A job that was lost is repeated by `untold`. Then hooks may run again, but no mail is sent twice.
	"""
	doc = frappe.get_doc("Payment Capture", capture)
	if not doc.untold:
		return None
	issued = documents.issue_now(doc.invoice)
	invoice = frappe.get_doc("AI Invoice", doc.invoice)
	_run_hook("payment_succeeded", invoice=invoice, capture=doc)
	is_whole = invoice.status in SETTLED and doc.disposition in ("Applied", "Overpaid")
	if is_whole and invoice.status == "Paid":
		safely(lambda: _anew(invoice).run_method("on_payment_authorized", "Completed"))
	if is_whole:
		tell = credit_mails.credits_bought if invoice.purpose == TOP_UP else emails.payment_received
		told = untold.tell_once(doc, lambda: tell(invoice, doc, documents.claim(issued)))
	elif invoice.paid_in_parts() and doc.applied_amount and doc.gateway != "credit":
		told = untold.tell_once(doc, lambda: emails.part_received(invoice, doc))
	else:
		return untold.mark_as_told(doc)
	if told:
		subscription_mails.payment_withdrew_cancellation(invoice)


def part_due(part: str, missed: bool) -> None:
	doc = frappe.get_doc("AI Invoice Part", part)
	invoice = frappe.get_doc("AI Invoice", doc.parent)
	# Checked again, as nobody is asked for a part while a payment is open or reviewed.
	if doc.left() and invoice.status == "Partly Paid" and not cint(invoice.needs_review):
		safely(lambda: emails.part_due(invoice, doc, missed))


def nothing_to_pay(invoice: str) -> None:
	"""Send the confirmation of an invoice of 0, for which no hook runs, because nothing was paid."""
	safely(lambda: emails.order_confirmed(frappe.get_doc("AI Invoice", invoice)))


def payments_failed(attempts: list[str]) -> None:
	"""Run `payment_failed` for attempts that a sweep closed. One that fails does not stop the others."""
	for attempt in attempts:
		safely(lambda attempt=attempt: payment_failed(attempt))


def payment_failed(attempt: str) -> None:
	doc = frappe.get_doc("Payment Attempt", attempt)
	invoice = frappe.get_doc("AI Invoice", doc.invoice)
	_run_hook("payment_failed", invoice=invoice, attempt=doc)
	if invoice.status == "Failed":
		safely(lambda: emails.payment_failed(invoice, doc.error_code == HOLD_RETURNED))
	elif invoice.status == "Abandoned":
		safely(lambda: emails.payment_abandoned(invoice))


def refund_finished(refund: str) -> None:
	doc = frappe.get_doc("Payment Refund", refund)
	issued = documents.issue_now(doc.invoice)
	invoice = frappe.get_doc("AI Invoice", doc.invoice)
	if doc.status == "Refunded" and doc.untold:
		_run_hook("payment_refunded", invoice=invoice, refund=doc)
		untold.tell_once(doc, lambda: emails.refund_done(invoice, doc, documents.claim(issued)))


def invoice_closed(invoice: str) -> None:
	"""Run the hooks for an invoice whose rest was given up: what was paid of it is a sale now, or goes back."""
	_run_hook("payment_invoice_closed", invoice=frappe.get_doc("AI Invoice", invoice))


def payout_recorded(payout: str) -> None:
	"""Run the hooks for a payout whose lines add up: books may be kept from it. After a crash they run again."""
	doc = frappe.get_doc("Payment Payout", payout)
	if doc.status == "Balanced" and not doc.told_on:
		_run_hook("payment_payout_recorded", payout=doc)
		safely(doc.mark_as_told)


def issue_documents(invoice: str) -> None:
	"""Issue what is due for an invoice and send it by itself, because no email about money goes out now."""
	numbers = issue_all(invoice)
	if numbers:
		documents_issued(invoice, numbers)


def documents_issued(invoice: str, numbers: list[str]) -> None:
	"""Send documents that a sweep or a manager issued. A mail that cannot be made is logged and not tried again."""
	issued = [frappe.get_doc("AI Tax Document", number) for number in numbers]
	try:
		in_transaction(_send_documents, invoice, issued)
	except Exception:
		frappe.log_error(title=f"The tax documents of {invoice} could not be sent"[:140])
		safely(lambda: documents.claim(issued))


def _send_documents(invoice: str, issued: list[AITaxDocument]) -> None:
	claimed = documents.claim(issued)
	if claimed:
		emails.document_ready(frappe.get_doc("AI Invoice", invoice), claimed)


def key_changed(subscription: str, change: str, key: str, old_key_until: str | None = None) -> None:
	doc, api_key = frappe.get_doc("AI Subscription", subscription), frappe.get_doc("AI API Key", key)
	safely(lambda: emails.key_changed(doc, api_key, change, old_key_until))


def renewal_due(subscription: str, days: int, end_date: str | None = None) -> None:
	"""Remind of a renewal, unless the customer has renewed or cancelled since, or has paid something that is not decided yet.

	Jobs from before 0.2 name no end date.
	"""
	doc = frappe.get_doc("AI Subscription", subscription)
	has_moved = bool(end_date) and str(doc.end_date) != end_date
	has_left = doc.status in ("Cancelled", "Paused") or doc.cancel_at_period_end
	if not (has_moved or has_left or _may_have_paid(subscription)):
		safely(lambda: emails.renewal_due(doc, days))


def _may_have_paid(subscription: str) -> bool:
	"""Return whether a payment is open, or one is reviewed, whose customer was asked not to pay again."""
	if frappe.db.exists("AI Invoice", {"subscription": subscription, "status": "Processing"}):
		return True
	reviewed = {"subscription": subscription, "needs_review": 1}
	return bool(frappe.db.exists("AI Invoice", {**reviewed, "status": ("in", OPEN)}))


def usage_threshold_reached(alert: str) -> None:
	doc = frappe.get_doc("AI Usage Alert", alert)
	_run_hook("usage_threshold_reached", alert=doc)
	safely(lambda: usage_mails.usage_threshold(doc))


def plan_change_moved(change: str, moved_to: str) -> None:
	safely(lambda: emails.plan_change_moved(frappe.get_doc("AI Plan Change", change), moved_to))


def _run_hook(hook: str, **records: Document) -> None:
	"""Call the functions that other apps registered for this hook. One that fails does not stop the next.

	Each gets the records anew: what one does to them reaches neither the next nor the email.
	"""
	for path in frappe.get_hooks(hook) or []:
		safely(lambda path=path: frappe.get_attr(path)(**{name: _anew(doc) for name, doc in records.items()}))


def _anew(doc: Document) -> Document:
	return frappe.get_doc(doc.doctype, doc.name)
