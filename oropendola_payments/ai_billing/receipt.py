"""The contents of a receipt as formatted texts, for the PDF and the HTML page."""

import json
from typing import TYPE_CHECKING

import frappe
from frappe import _
from frappe.utils import flt, get_fullname

from oropendola_payments.ai_billing import formatting, invoice_price, payment_methods
from oropendola_payments.ai_billing.current import current, payment_settings
from oropendola_payments.exceptions import NotFound
from oropendola_payments.money import Amount, from_minor, quantize, to_minor, unused_share

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
	from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture

PAID = ("Paid", "Partly Refunded", "Refunded")


def may_have(invoice: "AIInvoice") -> bool:
	"""Return whether the invoice has a receipt. After a partial payment it has one too, which shows what is still due."""
	return invoice.status in PAID or flt(invoice.amount_paid) > 0


def of_payment(invoice: "AIInvoice", capture: str | None) -> "AIInvoice":
	"""Return the invoice, of which `facts` then shows this payment alone. Raises NotFound if it did not pay this invoice."""
	if capture:
		paid = {"name": capture, "invoice": invoice.name, "applied_amount": (">", 0)}
		if not frappe.db.exists("Payment Capture", paid):
			raise NotFound(_("There is no payment {0} of invoice {1}.").format(capture, invoice.name))
		invoice.flags.receipt_of = capture
	return invoice


def facts(invoice: "AIInvoice") -> dict:
	"""Return the contents of the receipt. Amounts include the currency; nothing is escaped yet."""
	return {
		"lang": (frappe.local.lang or "en").replace("_", "-"),
		"seller": _seller(invoice),
		"customer": _customer(invoice),
		"number": invoice.name,
		"issued_on": formatting.day(invoice.creation),
		**_item(invoice),
		"price": _money(invoice_price.full_price(invoice) if invoice.coupon else invoice.net_amount, invoice),
		"coupon": _coupon(invoice),
		"net": _money(invoice.net_amount, invoice),
		"taxes": _taxes(invoice),
		"tax_note": [line for line in (invoice.tax_note or "").splitlines() if line],
		"place_of_supply": invoice.place_of_supply or "",
		"total": _money(invoice.total_amount, invoice),
		**_payments_and_refunds(invoice),
		"outstanding": _money(invoice.outstanding_amount, invoice) if flt(invoice.outstanding_amount) else "",
	}


def _seller(invoice: "AIInvoice") -> dict:
	"""Return the seller as the invoice keeps it; for one from before that, as Payment Settings say now."""
	kept, settings = _party(invoice.seller_snapshot), payment_settings()
	address = [line.strip() for line in (settings.seller_address or "").splitlines() if line.strip()]
	numbers = [_tax_id(row["scheme"], row["number"]) for row in kept.get("registrations", ())]
	single = kept.get("tax_id", settings.seller_tax_id)
	return {
		"name": kept.get("name", settings.seller_name) or "",
		"address": kept.get("address", address),
		"tax_ids": numbers or ([_("Tax ID: {0}").format(single)] if single else []),
		"email": kept.get("email", settings.seller_email) or "",
	}


def _customer(invoice: "AIInvoice") -> dict:
	kept = _party(invoice.buyer_snapshot)
	name = kept.get("name") or get_fullname(invoice.user)
	email = kept.get("email") or frappe.db.get_value("User", invoice.user, "email")
	return {
		"name": name,
		"email": email if email != name else "",
		"address": _address(kept),
		"tax_id": _tax_id(kept["tax_id_type"], kept["tax_id"]) if kept.get("tax_id") else "",
		"po_reference": kept.get("po_reference") or "",
	}


def _address(party: dict) -> list[str]:
	city = " ".join(filter(None, (party.get("pincode"), party.get("city"))))
	country = formatting.country_name(party.get("country_code") or "", party.get("country") or "")
	return [line for line in (*party.get("address", ()), city, party.get("state"), country) if line]


def _tax_id(kind: str, number: str) -> str:
	known = {
		"GST": "GSTIN",
		"GSTIN": "GSTIN",
		"VAT": "VAT",
		"EU VAT": "VAT",
		"GB VAT": "VAT",
		"EU OSS": "EU OSS",
	}
	return f"{known[kind]}: {number}" if kind in known else _("Tax ID: {0}").format(number)


def _party(snapshot: str | None) -> dict:
	return json.loads(snapshot) if snapshot else {}


def _item(invoice: "AIInvoice") -> dict:
	"""Return the item line. The invoice's own description comes first, because the plan may have been renamed."""
	plan = invoice.plan and current("AI Plan", invoice.plan)
	return {
		"what": invoice.description or (plan and plan.plan_name) or _("Services"),
		"quota": formatting.quota(plan.requests_limit_per_day) if plan else "",
		"period": formatting.days(invoice.period_start, invoice.period_end),
	}


def _coupon(invoice: "AIInvoice") -> dict | None:
	if not invoice.coupon:
		return None
	text = _("Coupon {0}").format(invoice.coupon)
	return {"text": text, "amount": _money(invoice_price.discount(invoice), invoice)}


def _taxes(invoice: "AIInvoice") -> list[dict]:
	"""Return the tax lines, also those of zero that a rule names."""
	return [
		{"text": formatting.tax_text(row.label, row.rate), "amount": _money(row.amount, invoice)}
		for row in invoice.taxes
	]


def _payments_and_refunds(invoice: "AIInvoice") -> dict:
	"""Return the payments applied to this invoice and their refunds, without duplicate payments."""
	filters = {"invoice": invoice.name, "applied_amount": (">", 0)}
	fields = [
		"name",
		"gateway",
		"gateway_payment_id",
		"amount",
		"applied_amount",
		"currency",
		"captured_at",
		"attempt",
		"creation",
	]
	captures = frappe.get_all("Payment Capture", filters, fields, order_by="captured_at, creation")
	is_paid = invoice.status in PAID
	shares = _tax_shares(invoice, captures) if len(captures) > 1 or not is_paid else {}
	if only := invoice.flags.receipt_of:
		captures = [row for row in captures if row.name == only]
	return {
		"is_part": bool(only),
		# Not paid_date first: a bank transfer is recorded later than it arrives.
		"paid_on": formatting.day(captures[-1].captured_at if captures else invoice.paid_date)
		if is_paid
		else "",
		"payments": [
			{
				**_payment(row),
				"tax": shares.get(row.name, ""),
				"link": f"/receipt?invoice={invoice.name}&payment={row.name}" if shares and not only else "",
			}
			for row in captures
		],
		"refunds": _refunds([row.name for row in captures]),
	}


def _tax_shares(invoice: "AIInvoice", captures: list) -> dict[str, str]:
	"""Return the tax in each payment: what the payments so far contain, so that the shares add up to the tax of the invoice."""
	total, tax = (
		to_minor(amount or 0, invoice.currency) for amount in (invoice.total_amount, invoice.tax_amount)
	)
	shares, paid, before = {}, 0, 0
	for row in sorted(captures, key=lambda row: row.creation) if tax else ():
		paid = min(total, paid + to_minor(quantize(row.applied_amount, invoice.currency), invoice.currency))
		after = unused_share(tax, paid, total)
		shares[row.name] = _money(from_minor(after - before, invoice.currency), invoice)
		before = after
	return shares


def _payment(capture: "PaymentCapture") -> dict:
	return {
		"date": formatting.day(capture.captured_at),
		"with": _method_label(capture),
		"reference": "" if capture.gateway == "credit" else capture.gateway_payment_id,
		"amount": formatting.money(capture.amount, capture.currency),
	}


def _method_label(capture: "PaymentCapture") -> str:
	if capture.gateway in ("manual", "credit"):
		return (
			_("Credit from an earlier payment") if capture.gateway == "credit" else _("Bank transfer or cash")
		)
	filters = {"gateway": capture.gateway}
	label = frappe.db.get_value("Payment Gateway Settings", filters, "label") or capture.gateway
	method = payment_methods.label(frappe.db.get_value("Payment Attempt", capture.attempt, "payment_method"))
	return f"{label} ({method})" if method and method != label else label


def _refunds(captures: list[str]) -> list[dict]:
	if not captures:
		return []
	filters = {"capture": ("in", captures), "status": "Refunded"}
	fields = ["completed_at", "amount", "currency"]
	rows = frappe.get_all("Payment Refund", filters, fields, order_by="completed_at, creation")
	return [
		{"date": formatting.day(row.completed_at), "amount": formatting.money(row.amount, row.currency)}
		for row in rows
	]


def _money(amount: Amount, invoice: "AIInvoice") -> str:
	return formatting.money(amount, invoice.currency)
