"""What was paid, on one sheet that prints well."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED
from oropendola_payments.engine import gateway_list
from oropendola_payments.pages import shell, words
from oropendola_payments.pages.order import own_invoice, summary

no_cache = 1
sitemap = 0
COUNTED = ("Applied", "Overpaid", "Short")


def get_context(context):
	page, user = shell.open_page(context, _("Receipt")), shell.require_login()
	shell.add_script(page, "receipt")
	invoice = _paid_invoice(user)
	if not invoice:
		return shell.not_found(
			context,
			_("There is no such receipt"),
			_("A receipt is made when an invoice is paid. Your invoices are on the billing page."),
		)
	page.title = _("Receipt {0}").format(invoice.name)
	settings = frappe.get_cached_doc("Payment Settings")
	person = frappe.db.get_value("User", user, ["full_name", "email"], as_dict=True)
	context.update(
		{
			"view": "receipt",
			"invoice": summary(invoice),
			"paid_on": words.day(invoice.paid_date),
			"period": _period(invoice),
			"seller": {
				"name": settings.seller_name or page.brand,
				"lines": [
					line.strip() for line in (settings.seller_address or "").splitlines() if line.strip()
				],
				"tax_id": settings.seller_tax_id or "",
				"email": settings.seller_email or "",
			},
			"buyer": {"name": person.full_name or person.email, "email": person.email},
			"payments": _payments(invoice),
			"refunded": words.money(invoice.amount_refunded, invoice.currency)
			if invoice.amount_refunded
			else "",
		}
	)


def _paid_invoice(user: str):
	invoice = own_invoice(user, shell.asked("invoice"))
	return invoice if invoice and invoice.status in SETTLED else None


def _period(invoice) -> str:
	if not invoice.period_start:
		return ""
	return _("{0} to {1}").format(words.day(invoice.period_start), words.day(invoice.period_end))


def _payments(invoice) -> list[dict]:
	fields = ["gateway", "gateway_payment_id", "amount", "currency", "captured_at"]
	filters = {"invoice": invoice.name, "disposition": ("in", COUNTED)}
	rows = frappe.get_all("Payment Capture", filters, fields, order_by="captured_at")
	return [
		{
			"gateway": _("Credit balance") if row.gateway == "credit" else gateway_list.label_of(row.gateway),
			"reference": "" if row.gateway == "credit" else row.gateway_payment_id,
			"amount": words.money(row.amount, row.currency),
			"date": words.day(row.captured_at),
		}
		for row in rows
	]
