"""The books of ERPNext on this site."""

from decimal import Decimal

import frappe

from oropendola_payments.integrations.erpnext import accounts, entries, invoices, parties, requests, setup
from oropendola_payments.integrations.erpnext.fields import KEY, remove_fields
from oropendola_payments.integrations.erpnext.types import (
	INVOICE,
	PAYMENT,
	REQUEST,
	Booked,
	Buyer,
	Foreign,
	Money,
	Request,
	Sale,
)
from oropendola_payments.integrations.outbox.types import Made
from oropendola_payments.money import quantize


class ERPNextBooks:
	def require_company(self, name: str | None) -> None:
		setup.require_company(name)

	def prepare(self) -> None:
		setup.prepare()

	def remove(self) -> None:
		remove_fields()

	def find(self, doctype: str, key: str) -> str | None:
		return frappe.db.get_value(doctype, {KEY: key, "docstatus": 1})

	def request(self, name: str) -> Request | None:
		if not frappe.db.exists(REQUEST, name):
			return None
		doc = frappe.get_doc(REQUEST, name, for_update=True)
		outstanding = quantize(doc.outstanding_amount or 0, doc.currency)
		return Request(name, doc.currency, outstanding, doc.docstatus == 1 and doc.status != "Cancelled")

	def pay_request(self, name: str, money: Money, allocated: Decimal) -> Made:
		return Made(PAYMENT, requests.pay(frappe.get_doc(REQUEST, name), money, allocated).name)

	def book_sale(self, sale: Sale) -> Booked:
		return invoices.book(sale, accounts.company())

	def book_credit_note(self, note: Sale, against: str) -> Booked:
		return invoices.book_note(note, accounts.company(), against)

	def receive(self, buyer: Buyer, money: Money, invoice: str | None, allocated: Decimal) -> Made:
		company, customer = accounts.company(), parties.customer_of(buyer)
		sold = frappe.get_doc(INVOICE, invoice) if invoice else None
		entry = entries.enter(
			"Receive",
			money,
			company=company,
			customer=sold.customer if sold else customer,
			receivable=sold.debit_to if sold else entries.party_account(customer, company),
			clearing=accounts.clearing_account(money.gateway, company, money.currency),
			references=entries.to_invoice(sold.name, allocated) if sold else [],
		)
		return Made(PAYMENT, entry.name)

	def allocate(self, payment: str, invoice: str, amount: Decimal) -> None:
		entries.allocate(payment, invoice, amount)

	def pay_back(self, money: Money, payment: str, note: str | None, allocated: Decimal) -> Made:
		came: Foreign = frappe.get_doc(PAYMENT, payment)
		entry = entries.enter(
			"Pay",
			money,
			company=came.company,
			customer=came.party,
			receivable=came.paid_from,
			clearing=came.paid_to,
			references=entries.to_invoice(note, -allocated) if note else [],
		)
		return Made(PAYMENT, entry.name)
