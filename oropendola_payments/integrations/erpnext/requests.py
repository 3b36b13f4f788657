"""Book the money that came for a Payment Request: exactly what was captured, and of it what the request still needs."""

from decimal import Decimal

import frappe

from oropendola_payments.integrations.erpnext import entries
from oropendola_payments.integrations.erpnext.fields import KEY
from oropendola_payments.integrations.erpnext.types import PAYMENT, Foreign, Money
from oropendola_payments.money import quantize, to_decimal

AUTHORIZED = "on_payment_authorized"


def pay(request: Foreign, money: Money, allocated: Decimal) -> Foreign:
	"""Return the submitted Payment Entry of this capture."""
	is_whole = 0 < allocated == money.amount == quantize(request.outstanding_amount, money.currency)
	entry = _by_another_app(request, money) if is_whole else None
	if entry:
		return entry
	return _pay_document(request, money, allocated) if allocated else _advance(request, money)


def _by_another_app(request: Foreign, money: Money) -> Foreign | None:
	"""Let an app that extends Payment Request, such as Webshop, settle it in its own way, and claim its entry."""
	if not hasattr(request, AUTHORIZED):
		return None
	frappe.flags.data = frappe._dict(reference_docname=request.name, payment_id=money.reference)
	request.run_method(AUTHORIZED, "Completed")
	request.reload()
	row = {"payment_request": request.name, "docstatus": 1}
	name = request.status == "Paid" and frappe.db.get_value(
		"Payment Entry Reference", row, "parent", order_by="creation desc"
	)
	if not name:
		return None
	entry = frappe.get_doc(PAYMENT, name)
	entries.require_amount(entry, money)
	entry.db_set({KEY: money.key, "reference_no": money.reference[:140], "reference_date": money.day})
	return entry


def _pay_document(request: Foreign, money: Money, allocated: Decimal) -> Foreign:
	build = frappe.get_attr("erpnext.accounts.doctype.payment_entry.payment_entry.get_payment_entry")
	frappe.flags.ignore_account_permission = True
	entry = build(
		request.reference_doctype,
		request.reference_name,
		party_amount=float(allocated),
		bank_account=request.payment_account,
		bank_amount=float(allocated),
		created_from_payment_request=True,
	)
	_cut(entry, request.name, allocated)
	entry.update(
		{
			"posting_date": money.day,
			"paid_amount": float(money.amount),
			"received_amount": float(money.amount),
			"mode_of_payment": request.mode_of_payment,
			**entries.labels(money),
		}
	)
	entry.set_amounts()
	return entries.submit(entry, money)


def _cut(entry: Foreign, request: str, allocated: Decimal) -> None:
	"""Keep of the rows, which may be terms of payment, what the captured amount pays, and mark it as the request's."""
	kept = []
	for row in entry.references:
		amount = min(allocated, to_decimal(row.allocated_amount or 0))
		if amount > 0:
			row.update({"allocated_amount": float(amount), "payment_request": request})
			kept.append(row)
			allocated -= amount
	entry.set("references", kept)


def _advance(request: Foreign, money: Money) -> Foreign:
	"""Book money that the request does not need, because it was cancelled or paid before: an advance of the customer."""
	reference = frappe.get_doc(request.reference_doctype, request.reference_name)
	customer = request.party or reference.get("customer")
	receivable = reference.get("debit_to") or entries.party_account(customer, reference.company)
	return entries.enter(
		"Receive",
		money,
		company=reference.company,
		customer=customer,
		receivable=receivable,
		clearing=request.payment_account,
		references=[],
	)
