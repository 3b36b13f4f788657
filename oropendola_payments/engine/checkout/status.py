"""Payment status of a customer's invoices, for frontends and pages."""

import frappe
from frappe.utils import cint

from oropendola_payments.ai_billing import invoice_price
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN, AIInvoice
from oropendola_payments.ai_billing.formatting import translated
from oropendola_payments.engine.checkout.payer import own_attempt, own_invoice
from oropendola_payments.engine.core.transactions import read
from oropendola_payments.engine.gateway.simulated import mock_marks
from oropendola_payments.engine.inbound.status_query import refresh_if_possible
from oropendola_payments.engine.settlement.under_way import in_transit_message

STALE_SECONDS = 20


def payment_status(user: str, invoice_id: str | None, attempt: str | None = None) -> dict:
	"""Return the status of an invoice and its latest attempt, after a refresh if the last check is too long ago."""
	if attempt:
		invoice_id = own_attempt(user, attempt).invoice
	invoice = own_invoice(user, invoice_id)
	attempt = attempt or frappe.db.get_value(
		"Payment Attempt", {"invoice": invoice.name}, "name", order_by="in_transit desc, creation desc"
	)
	_refresh_when_stale(attempt)
	invoice.reload()
	return _status(invoice, attempt)


def pending_invoices(user: str) -> list[dict]:
	"""Return the user's open invoices, the newest first."""
	rows = read("AI Invoice", "`user` = %s AND `status` IN %s ORDER BY `creation` DESC", (user, OPEN))
	return [_pending(row) for row in rows]


def _refresh_when_stale(attempt: str | None) -> None:
	row = attempt and frappe.db.get_value(
		"Payment Attempt", attempt, ["status", "last_check_at", "gateway"], as_dict=True
	)
	if not attempt or not row or row.status not in ("Processing", "Authorized") or row.gateway == "manual":
		return
	refresh_if_possible(attempt, unless_checked_within=STALE_SECONDS)


def _status(invoice: AIInvoice, attempt: str | None) -> dict:
	fields = [
		"name",
		"gateway",
		"status",
		"amount",
		"currency",
		"payment_method",
		"error_code",
		"error_message",
		"in_transit",
		"mode",
	]
	row = attempt and frappe.db.get_value("Payment Attempt", attempt, fields, as_dict=True)
	if row:
		row.in_transit = bool(row.in_transit)
		row.error_message = in_transit_message() if row.in_transit else translated(row.error_message)
	return {
		"invoice": invoice.name,
		"status": invoice.status,
		"total_amount": invoice.total(),
		"amount_paid": invoice.paid(),
		"amount_refunded": invoice.paid() - invoice.kept(),
		"outstanding_amount": invoice.outstanding(),
		"currency": invoice.currency,
		"failure_reason": translated(invoice.failure_reason),
		"can_retry": invoice.can_retry(),
		"retries_remaining": invoice.retries_remaining(),
		"attempt": row or None,
		"subscription_status": invoice.subscription
		and frappe.db.get_value("AI Subscription", invoice.subscription, "status"),
		**mock_marks(row and row.mode),
	}


def _pending(invoice: AIInvoice) -> dict:
	return {
		"name": invoice.name,
		"status": invoice.status,
		"plan": invoice.plan,
		"purpose": invoice.purpose,
		"coupon": invoice.coupon or None,
		"discount_amount": invoice_price.discount(invoice),
		"total_amount": invoice.total(),
		"outstanding_amount": invoice.outstanding(),
		"currency": invoice.currency,
		"due_date": invoice.due_date,
		"failure_reason": translated(invoice.failure_reason),
		"retry_count": cint(invoice.retry_count),
		"can_retry": invoice.can_retry(),
		"retries_remaining": invoice.retries_remaining(),
	}
