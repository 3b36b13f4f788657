"""What a receipt says, as texts ready to print: who sold what to whom, what was paid with what, what went back."""

import frappe
from frappe import _
from frappe.utils import flt, fmt_money, formatdate, get_fullname

WITHOUT_GATEWAY = {"manual": "Bank transfer or cash", "credit": "Credit of an earlier payment"}


def facts(invoice) -> dict:
	"""For the print format of an invoice. Amounts carry their currency; nothing is escaped yet."""
	settings = frappe.get_cached_doc("Payment Settings")
	return {
		"seller": _seller(settings),
		"customer": {
			"name": get_fullname(invoice.user),
			"email": frappe.db.get_value("User", invoice.user, "email"),
		},
		"number": invoice.name,
		"issued_on": formatdate(invoice.creation),
		"paid_on": formatdate(invoice.paid_date) if invoice.paid_date else "",
		"status": _(invoice.status),
		"lines": [{"text": _what(invoice), "amount": _money(invoice.net_amount, invoice)}],
		"tax": _tax(invoice),
		"total": _money(invoice.total_amount, invoice),
		"payments": _payments(invoice),
		"refunds": _refunds(invoice),
		"paid": _money(invoice.amount_paid, invoice),
		"outstanding": _money(invoice.outstanding_amount, invoice) if flt(invoice.outstanding_amount) else "",
	}


def _seller(settings) -> dict:
	address = [line.strip() for line in (settings.seller_address or "").splitlines() if line.strip()]
	return {
		"name": settings.seller_name or "",
		"address": address,
		"tax_id": settings.seller_tax_id or "",
		"email": settings.seller_email or "",
	}


def _what(invoice) -> str:
	plan = invoice.plan and frappe.db.get_value("AI Plan", invoice.plan, "plan_name")
	text = invoice.description or plan or _("Services")
	if invoice.period_start and invoice.period_end:
		text += ", " + _("{0} to {1}").format(
			formatdate(invoice.period_start), formatdate(invoice.period_end)
		)
	return text


def _tax(invoice) -> dict | None:
	if not flt(invoice.tax_amount):
		return None
	rate = f" {flt(invoice.tax_rate):g} %" if flt(invoice.tax_rate) else ""
	return {"text": (invoice.tax_label or _("Tax")) + rate, "amount": _money(invoice.tax_amount, invoice)}


def _payments(invoice) -> list[dict]:
	filters = {"invoice": invoice.name, "applied_amount": (">", 0)}
	fields = ["gateway", "gateway_payment_id", "amount", "currency", "captured_at", "attempt"]
	rows = frappe.get_all("Payment Capture", filters, fields, order_by="captured_at, creation")
	return [
		{
			"date": formatdate(row.captured_at),
			"with": _with_what(row),
			"reference": row.gateway_payment_id,
			"amount": fmt_money(row.amount, currency=row.currency),
		}
		for row in rows
	]


def _with_what(capture) -> str:
	if capture.gateway in WITHOUT_GATEWAY:
		return _(WITHOUT_GATEWAY[capture.gateway])
	label = (
		frappe.db.get_value("Payment Gateway Settings", {"gateway": capture.gateway}, "label")
		or capture.gateway
	)
	method = frappe.db.get_value("Payment Attempt", capture.attempt, "payment_method")
	return f"{label} ({method})" if method else label


def _refunds(invoice) -> list[dict]:
	filters = {"invoice": invoice.name, "status": "Refunded"}
	fields = ["completed_at", "amount", "currency"]
	rows = frappe.get_all("Payment Refund", filters, fields, order_by="completed_at, creation")
	return [
		{"date": formatdate(row.completed_at), "amount": fmt_money(row.amount, currency=row.currency)}
		for row in rows
	]


def _money(amount, invoice) -> str:
	return fmt_money(amount or 0, currency=invoice.currency)
