"""Journal Entries: what a gateway paid out, from the accounts in which its money waits to the bank, its fees and the rest."""

from collections.abc import Iterator
from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.integrations.erpnext import accounts
from oropendola_payments.integrations.erpnext.fields import KEY, release
from oropendola_payments.integrations.erpnext.types import JOURNAL, PAYMENT, Foreign, Transfer
from oropendola_payments.integrations.outbox.types import NeedsAttention
from oropendola_payments.money import quantize, to_decimal

BATCH = 500
# What is debited with a positive amount: account, amount, what it is.
Row = tuple[str, Decimal, str]


def book(transfer: Transfer, company: str, known: str | None) -> str:
	"""Return the submitted entry of a payout. One of an earlier report is cancelled if it says something else."""
	_require_currency(transfer, company)
	rows = [row for row in _rows(transfer, company) if row[1]]
	if known and _is_same(known, rows, transfer):
		return known
	if known:
		frappe.get_doc(JOURNAL, known).cancel()
		release(JOURNAL, transfer.key)
	return _submit(rows, transfer, company)


def _require_currency(transfer: Transfer, company: str) -> None:
	base = frappe.get_cached_value("Company", company, "default_currency")
	if transfer.currency != base:
		message = _("A payout in {0} cannot be booked by itself in the books of {1}. Please book it by hand.")
		raise NeedsAttention(message.format(transfer.currency, company))


def _rows(transfer: Transfer, company: str) -> Iterator[Row]:
	"""Debit the bank with what arrived and other accounts with what it cost, and credit where the money waited."""
	if transfer.amount:
		account = accounts.of_payout("Bank", transfer.gateway, company, transfer.currency)
		yield account, transfer.amount, "Paid Out"
	for what, amount in transfer.others.items():
		if amount:
			account = accounts.of_payout(what, transfer.gateway, company, transfer.currency)
			yield account, -amount, what
	for account, came, went in _waiting(transfer, company):
		yield account, -came, "Captures"
		yield account, -went, "Refunds"


def _waiting(transfer: Transfer, company: str) -> list[tuple[str, Decimal, Decimal]]:
	"""Return the accounts in which the money waited, with what came into each and what went out of it."""
	default = accounts.clearing_account(transfer.gateway, company, transfer.currency)
	sums = {default: [transfer.expected, Decimal(0)]}
	for entry in _entries(list(transfer.payments)):
		if entry.company != company:
			message = _(
				"Payment Entry {0} is in the books of {1}, not of {2}. Please book the payout by hand."
			)
			raise NeedsAttention(message.format(entry.name, entry.company, company))
		came = entry.payment_type == "Receive"
		account = entry.paid_to if came else entry.paid_from
		accounts.require_usable(account, company, transfer.currency)
		sums.setdefault(account, [Decimal(0), Decimal(0)])[0 if came else 1] += transfer.payments[entry.name]
	return [(account, came, went) for account, (came, went) in sums.items()]


def _entries(names: list[str]) -> Iterator[Foreign]:
	fields = ["name", "company", "payment_type", "paid_from", "paid_to"]
	found = 0
	for start in range(0, len(names), BATCH):
		rows = frappe.get_all(PAYMENT, {"name": ("in", names[start : start + BATCH])}, fields)
		found += len(rows)
		yield from rows
	if found < len(names):
		raise NeedsAttention(
			_("Payment Entries of this payout do not exist any more. Please book the payout by hand.")
		)


def _submit(rows: list[Row], transfer: Transfer, company: str) -> str:
	entry = frappe.new_doc(JOURNAL)
	entry.update(
		{
			KEY: transfer.key,
			"voucher_type": "Bank Entry" if transfer.amount else JOURNAL,
			"company": company,
			"posting_date": transfer.day,
			"cheque_no": transfer.reference[:140],
			"cheque_date": transfer.day,
			"user_remark": f"{accounts.label_of(transfer.gateway)}: {transfer.reference}",
		}
	)
	entry.update(_gst(entry, company))
	cost_center = frappe.get_cached_value("Company", company, "cost_center")
	for account, amount, what in rows:
		side = "debit_in_account_currency" if amount > 0 else "credit_in_account_currency"
		entry.append(
			"accounts",
			{
				"account": account,
				side: float(abs(amount)),
				"exchange_rate": 1,
				"cost_center": cost_center,
				"user_remark": what,
			},
		)
	entry.insert()
	entry.submit()
	if not _is_same(entry.name, rows, transfer):
		message = _("ERPNext would book payout {0} with other amounts. Please book it by hand.")
		raise NeedsAttention(message.format(transfer.reference))
	return entry.name


def _gst(entry: Foreign, company: str) -> dict:
	"""Return the field that India Compliance wants where an account of GST is used, such as that of the tax on fees.

	Of a company with several numbers it is the one in its own record: which of the others is meant nobody could know.
	"""
	if not entry.meta.has_field("company_gstin"):
		return {}
	own = frappe.db.get_value("Company", company, "gstin")
	links = [["Dynamic Link", "link_doctype", "=", "Company"], ["Dynamic Link", "link_name", "=", company]]
	known = set(frappe.get_all("Address", [*links, ["Address", "gstin", "is", "set"]], pluck="gstin"))
	return {"company_gstin": own or (known.pop() if len(known) == 1 else None)}


def _is_same(name: str, rows: list[Row], transfer: Transfer) -> bool:
	"""Return whether the General Ledger has of this entry exactly these sums, on this day."""
	wanted: dict[str, Decimal] = {}
	for account, amount, _what in rows:
		wanted[account] = wanted.get(account, Decimal(0)) + amount
	booked: dict[str, Decimal] = {}
	filters = {"voucher_type": JOURNAL, "voucher_no": name, "is_cancelled": 0}
	for row in frappe.get_all("GL Entry", filters, ["account", "debit", "credit"]):
		amount = to_decimal(row.debit) - to_decimal(row.credit)
		booked[row.account] = quantize(booked.get(row.account, Decimal(0)) + amount, transfer.currency)
	day = frappe.db.get_value(JOURNAL, name, "posting_date")
	return _without_zeros(booked) == _without_zeros(wanted) and day == transfer.day


def _without_zeros(sums: dict[str, Decimal]) -> dict[str, Decimal]:
	return {account: amount for account, amount in sums.items() if amount}
