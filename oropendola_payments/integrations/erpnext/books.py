"""The books of ERPNext on this site."""

from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.exceptions import BadRequest
from oropendola_payments.integrations.erpnext import accounts, entries, invoices, journal, parties, requests
from oropendola_payments.integrations.erpnext.fields import KEY, ensure_fields, release, remove_fields
from oropendola_payments.integrations.erpnext.types import (
	INVOICE,
	JOURNAL,
	PAYMENT,
	REQUEST,
	Booked,
	Buyer,
	Foreign,
	Money,
	Request,
	Sale,
	Transfer,
)
from oropendola_payments.integrations.outbox.types import Made
from oropendola_payments.integrations.payments_app.registration import is_possible
from oropendola_payments.money import quantize


class ERPNextBooks:
	def require_company(self, name: str | None) -> None:
		if not name or not frappe.db.exists("Company", name):
			message = _("There is no Company {0} in ERPNext. Please enter its name as it is written there.")
			raise BadRequest(message.format(name or "-"))

	def prepare(self) -> None:
		ensure_fields()
		if not is_possible():
			return
		gateways = frappe.get_all("Payment Gateway Settings", {"enabled": 1}, pluck="gateway")
		for company in frappe.get_all("Company", pluck="name"):
			for gateway in gateways:
				if accounts.owner_of(gateway) in ("", company):
					accounts.ensure_gateway_account(gateway, company)

	def remove(self) -> None:
		remove_fields()

	def find(self, doctype: str, key: str) -> str | None:
		known = frappe.db.get_value(doctype, {KEY: key, "docstatus": 1})
		if not known:
			release(doctype, key)
		return known

	def request(self, name: str) -> Request | None:
		if not frappe.db.exists(REQUEST, name):
			return None
		doc = frappe.get_doc(REQUEST, name, for_update=True)
		outstanding = quantize(doc.outstanding_amount or 0, doc.currency)
		return Request(name, doc.currency, outstanding, doc.docstatus == 1 and doc.status != "Cancelled")

	def pay_request(self, name: str, money: Money, allocated: Decimal) -> Made:
		request = frappe.get_doc(REQUEST, name)
		if request.company:
			accounts.require_owner(money.gateway, request.company)
		return Made(PAYMENT, requests.pay(request, money, allocated).name)

	def book_sale(self, sale: Sale) -> Booked:
		return invoices.book(sale, accounts.company())

	def book_credit_note(self, note: Sale, against: str) -> Booked:
		return invoices.book_note(note, accounts.company(), against)

	def receive(self, buyer: Buyer, money: Money, invoice: str | None, allocated: Decimal) -> Made:
		company, customer = accounts.company(), parties.customer_of(buyer)
		accounts.require_owner(money.gateway, company)
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

	def book_payout(self, transfer: Transfer) -> Made:
		company = accounts.company(transfer.gateway)
		return Made(JOURNAL, journal.book(transfer, company, self.find(JOURNAL, transfer.key)))
