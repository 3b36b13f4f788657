"""Payment Entries: money that came in or went out at a clearing account, each sum once."""

from decimal import Decimal
from typing import Any

import frappe
from frappe import _

from oropendola_payments.integrations.erpnext import accounts
from oropendola_payments.integrations.erpnext.fields import KEY
from oropendola_payments.integrations.erpnext.types import INVOICE, PAYMENT, Foreign, Money
from oropendola_payments.integrations.outbox.types import NeedsAttention
from oropendola_payments.money import quantize, to_decimal

Reference = dict[str, Any]


def party_account(customer: str, company: str) -> str:
	find = frappe.get_attr("erpnext.accounts.party.get_party_account")
	return find("Customer", customer, company)


def enter(
	direction: str,
	money: Money,
	*,
	company: str,
	customer: str,
	receivable: str,
	clearing: str,
	references: list[Reference],
) -> Foreign:
	"""Submit a Payment Entry. `direction` is Receive or Pay; what the references leave is an advance of the customer."""
	_require_one_currency(money, receivable, clearing, company)
	came = direction == "Receive"
	entry = frappe.new_doc(PAYMENT)
	entry.update(
		{
			"payment_type": direction,
			"company": company,
			"posting_date": money.day,
			"party_type": "Customer",
			"party": customer,
			"paid_from": receivable if came else clearing,
			"paid_to": clearing if came else receivable,
			"paid_amount": float(money.amount),
			"received_amount": float(money.amount),
			"source_exchange_rate": 1,
			"target_exchange_rate": 1,
			**labels(money),
		}
	)
	for reference in references:
		entry.append("references", reference)
	entry.setup_party_account_field()
	entry.set_missing_values()
	entry.set_missing_ref_details()
	return submit(entry, money)


def labels(money: Money) -> dict:
	"""Return what says in the entry where the money came from."""
	reference = money.reference[:140]
	return {
		KEY: money.key,
		"reference_no": reference,
		"reference_date": money.day,
		"custom_remarks": 1,
		"remarks": f"{accounts.label_of(money.gateway)}: {reference}",
	}


def submit(entry: Foreign, money: Money) -> Foreign:
	"""Submit the entry, and raise NeedsAttention if it has another amount than was captured."""
	entry.insert()
	entry.submit()
	require_amount(entry, money)
	return entry


def require_amount(entry: Foreign, money: Money) -> None:
	at_gateway = entry.received_amount if entry.payment_type == "Receive" else entry.paid_amount
	if quantize(at_gateway, money.currency) != money.amount:
		message = _("ERPNext would book {0} instead of {1} for payment {2}. Please book it by hand.")
		raise NeedsAttention(message.format(at_gateway, money.amount, money.reference))


def _require_one_currency(money: Money, receivable: str, clearing: str, company: str) -> None:
	base = frappe.get_cached_value("Company", company, "default_currency")
	currencies = {accounts.currency_of(receivable), accounts.currency_of(clearing), base}
	if currencies != {money.currency}:
		message = _(
			"A payment in {0} cannot be booked by itself into accounts in {1}. Please book it by hand."
		)
		raise NeedsAttention(message.format(money.currency, ", ".join(sorted(currencies))))


def to_invoice(invoice: str, amount: Decimal) -> list[Reference]:
	"""Return the reference that pays so much of an invoice; a negative amount pays a credit note."""
	if not amount:
		return []
	outstanding = to_decimal(frappe.db.get_value(INVOICE, invoice, "outstanding_amount") or 0)
	usable = min(amount, outstanding) if amount > 0 else max(amount, outstanding)
	row = {"reference_doctype": INVOICE, "reference_name": invoice, "allocated_amount": float(usable)}
	return [row] if usable * amount > 0 else []


def allocate(payment: str, invoice: str, amount: Decimal) -> None:
	"""Use an advance for an invoice, as ERPNext's Payment Reconciliation does."""
	entry, sold = frappe.get_doc(PAYMENT, payment), frappe.get_doc(INVOICE, invoice)
	free = to_decimal(entry.unallocated_amount or 0)
	if free < amount:
		message = _("Only {0} of {1} is left in Payment Entry {2}. Please reconcile it by hand.")
		raise NeedsAttention(message.format(free, amount, payment))
	row = frappe._dict(
		voucher_type=PAYMENT,
		voucher_no=payment,
		voucher_detail_no=None,
		against_voucher_type=INVOICE,
		against_voucher=invoice,
		account=sold.debit_to,
		party_type="Customer",
		party=sold.customer,
		is_advance="Yes",
		dr_or_cr="credit_in_account_currency",
		unadjusted_amount=float(free),
		unreconciled_amount=float(free),
		allocated_amount=float(amount),
		precision=entry.precision("unallocated_amount"),
		exchange_rate=1,
		grand_total=sold.grand_total,
		outstanding_amount=sold.outstanding_amount,
		difference_amount=0,
		difference_account=None,
		cost_center=entry.cost_center,
	)
	frappe.get_attr("erpnext.accounts.utils.reconcile_against_document")([row])
