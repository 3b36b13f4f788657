"""What was sold, taken back and kept as credit before credit notes were issued for it: note the amount, so that the sweep issues them."""

from decimal import Decimal

import frappe

FIELDS = ["name", "invoice", "amount", "applied_amount", "credit_used", "surplus"]


def execute() -> None:
	credited: dict[str, Decimal] = {}
	for row in frappe.get_all("Payment Capture", {"resolution": "Credit"}, FIELDS):
		credited[row.invoice] = credited.get(row.invoice, Decimal(0)) + _kept(row)
	for invoice, amount in credited.items():
		before = frappe.db.get_value(
			"AI Invoice", invoice, ["amount_credited", "document_state"], as_dict=True
		)
		if amount <= _decimal(before.amount_credited):
			continue
		values: dict = {"amount_credited": amount}
		if before.document_state == "Issued":
			values["document_state"] = "Credit Due"
		frappe.db.set_value("AI Invoice", invoice, values)  # as changed now, so that its postings are planned


def _kept(row: frappe._dict) -> Decimal:
	"""Return what is neither surplus nor counted as refunded of the invoice."""
	done = {"capture": row.name, "status": "Refunded"}
	refunded = sum(map(_decimal, frappe.get_all("Payment Refund", done, pluck="amount")), Decimal(0))
	unapplied = _decimal(row.amount) - _decimal(row.applied_amount)
	used = _decimal(row.credit_used)
	of_sale = max(Decimal(0), refunded - max(Decimal(0), unapplied - used))
	return max(Decimal(0), max(refunded + used, _decimal(row.surplus)) - unapplied - of_sale)


def _decimal(value: object) -> Decimal:
	return Decimal(str(value or 0))
