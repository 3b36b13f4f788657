"""Net amount, tax lines and total of an invoice, which always sum."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import frappe
from frappe import _
from frappe.utils import now

from oropendola_payments.ai_billing import formatting
from oropendola_payments.money import quantize, to_decimal, to_minor

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
	from oropendola_payments.ai_billing.doctype.ai_invoice_tax.ai_invoice_tax import AIInvoiceTax

LINE = ("label", "rate", "taxable_amount", "amount", "account_hint")
NUMBERS = ("rate", "taxable_amount", "amount")


def set_totals(invoice: "AIInvoice") -> None:
	"""Set the totals from net and tax. A net amount with too many decimals is refused; tax is rounded."""
	net = to_decimal(invoice.net_amount or 0)
	try:
		to_minor(net, invoice.currency)
	except ValueError:
		shown = formatting.exact_money(net, invoice.currency)
		frappe.throw(_("{0} has too many decimal places for {1}.").format(shown, invoice.currency))
	if net < 0 or to_decimal(invoice.tax_amount or 0) < 0:
		frappe.throw(_("Amounts cannot be negative."))
	if invoice.tax_rate and not invoice.tax_amount:
		invoice.tax_amount = quantize(net * to_decimal(invoice.tax_rate) / 100, invoice.currency)
	set_lines(invoice, net)
	invoice.total_amount = net + to_decimal(invoice.tax_amount or 0)
	invoice.outstanding_amount = invoice.total_amount


def set_lines(invoice: "AIInvoice", net: Decimal) -> None:
	"""Check that the tax lines sum to the tax. A tax that was entered without lines becomes one."""
	tax = to_decimal(invoice.tax_amount or 0)
	if tax and not invoice.taxes:
		line = {"label": invoice.tax_label or "Tax", "rate": invoice.tax_rate, "amount": tax}
		invoice.append("taxes", {**line, "taxable_amount": net})
	if sum((to_decimal(row.amount or 0) for row in invoice.taxes), Decimal(0)) != tax:
		frappe.throw(_("The tax lines do not sum to the tax amount."))


def stored_lines(invoice: str) -> list[frappe._dict]:
	"""Return the tax lines of an invoice. A locked invoice comes without its child rows."""
	return frappe.get_all("AI Invoice Tax", {"parent": invoice}, list(LINE), order_by="idx")


def write_lines(invoice: "AIInvoice") -> None:
	"""Replace the stored tax lines by those of the invoice."""
	frappe.db.delete("AI Invoice Tax", {"parent": invoice.name})
	rows = [_row(invoice, line, number) for number, line in enumerate(invoice.taxes, 1)]
	if rows:
		frappe.db.bulk_insert("AI Invoice Tax", list(rows[0]), [list(row.values()) for row in rows])


def are_same_lines(some: Sequence[dict], others: Sequence[dict]) -> bool:
	return list(map(_comparable, some)) == list(map(_comparable, others))


def _comparable(line: dict) -> tuple:
	numbers = (to_decimal(line.get(name) or 0) for name in NUMBERS)
	return line.get("label"), line.get("account_hint") or None, *numbers


def _row(invoice: "AIInvoice", line: "AIInvoiceTax", number: int) -> dict:
	stamp = {"creation": now(), "modified": now(), "owner": invoice.owner, "modified_by": frappe.session.user}
	place = {"parent": invoice.name, "parenttype": "AI Invoice", "parentfield": "taxes", "docstatus": 0}
	values = {name: line.get(name) for name in LINE}
	return {"name": frappe.generate_hash(length=10), "idx": number, **stamp, **place, **values}
