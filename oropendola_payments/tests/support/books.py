"""Books of another app in memory: the smallest thing that keeps the promises of `Books`. A bench with ERPNext checks the same promises
on the real ones."""

from contextlib import contextmanager
from decimal import Decimal
from typing import ClassVar
from unittest.mock import patch

import frappe

from oropendola_payments.integrations.erpnext.types import (
	INVOICE,
	JOURNAL,
	PAYMENT,
	Booked,
	Buyer,
	Money,
	Request,
	Sale,
	Transfer,
)
from oropendola_payments.integrations.outbox.types import Made
from oropendola_payments.tests.support.factories import payment_settings

THIS = "oropendola_payments.tests.support.books"


class BooksInMemory:
	"""Kept for the whole run, as the books of another app would be."""

	sales: ClassVar[dict[str, dict]] = {}
	payments: ClassVar[dict[str, dict]] = {}
	payouts: ClassVar[dict[str, dict]] = {}
	requests: ClassVar[dict[str, Request]] = {}
	prepared: ClassVar[int] = 0
	drift: ClassVar[Decimal] = Decimal(0)  # how wrong its rounding is
	down: ClassVar[str] = ""  # what it answers to everything

	def require_company(self, name: str | None) -> None:
		pass

	def prepare(self) -> None:
		BooksInMemory.prepared += 1

	def remove(self) -> None:
		pass

	def find(self, doctype: str, key: str) -> str | None:
		if self.down:
			frappe.throw(self.down)
		rows = {PAYMENT: self.payments, JOURNAL: self.payouts}.get(doctype, self.sales)
		return next((name for name, row in rows.items() if row["key"] == key), None)

	def request(self, name: str) -> Request | None:
		return self.requests.get(name)

	def pay_request(self, name: str, money: Money, allocated: Decimal) -> Made:
		known = self.requests[name]
		self.requests[name] = Request(name, known.currency, known.outstanding - allocated, known.is_submitted)
		return self._enter(money, money.amount, name, allocated)

	def book_sale(self, sale: Sale) -> Booked:
		return self._sell(sale, None)

	def book_credit_note(self, note: Sale, against: str) -> Booked:
		return self._sell(note, against)

	def receive(self, buyer: Buyer, money: Money, invoice: str | None, allocated: Decimal) -> Made:
		return self._enter(money, money.amount, invoice, allocated)

	def allocate(self, payment: str, invoice: str, amount: Decimal) -> None:
		row = self.payments[payment]
		row["free"] -= amount
		row["paid"].append((invoice, amount))

	def pay_back(self, money: Money, payment: str, note: str | None, allocated: Decimal) -> Made:
		return self._enter(money, -money.amount, note, allocated)

	def book_payout(self, transfer: Transfer) -> Made:
		known = self.find(JOURNAL, transfer.key)
		if known and self.payouts[known]["transfer"] == transfer:
			return Made(JOURNAL, known)
		if known:
			self.payouts[known].update(key=None, cancelled=True)
		name = f"JV-{len(self.payouts) + 1}"
		self.payouts[name] = {"key": transfer.key, "transfer": transfer, "cancelled": False}
		return Made(JOURNAL, name)

	def _sell(self, sale: Sale, against: str | None) -> Booked:
		name = f"SINV-{len(self.sales) + 1}"
		taxes = tuple(tax.amount for tax in sale.taxes)
		booked = Booked(name, sale.net, sale.total + self.drift, taxes)
		if not self.drift:
			self.sales[name] = {"key": sale.key, "sale": sale, "against": against}
		return booked

	def _enter(self, money: Money, amount: Decimal, document: str | None, allocated: Decimal) -> Made:
		name = f"PE-{len(self.payments) + 1}"
		paid = [(document, allocated)] if document and allocated else []
		free = money.amount - allocated
		self.payments[name] = {"key": money.key, "money": money, "amount": amount, "paid": paid, "free": free}
		return Made(PAYMENT, name)

	# What a test asks ----------------------------------------------------------------------------

	@classmethod
	def balance(cls, *keys: str) -> Decimal:
		"""The clearing account, as far as these entries go."""
		return sum((row["amount"] for row in cls.payments.values() if row["key"] in keys), Decimal(0))

	@classmethod
	def entry(cls, key: str) -> dict:
		(found,) = (row for row in cls.payments.values() if row["key"] == key)
		return found

	@classmethod
	def transfers(cls, key: str) -> list[Transfer]:
		return [row["transfer"] for row in cls.payouts.values() if row["key"] == key]

	@classmethod
	def sale(cls, key: str) -> Sale:
		(found,) = (row["sale"] for row in cls.sales.values() if row["key"] == key)
		return found


@contextmanager
def books_installed(**settings):
	"""As if an installed app had books, and everything was switched on."""
	real = frappe.get_hooks

	def get_hooks(hook=None, *args, **kwargs):
		if hook == "payment_books":
			return {"oropendola_payments": [f"{THIS}.BooksInMemory"]}
		return real(hook, *args, **kwargs)

	on = {"accept_documents": 1, "post_to_erpnext": 1, "post_since": "2020-01-01 00:00:00", **settings}
	with patch.object(frappe, "get_hooks", get_hooks), payment_settings(**on):
		yield BooksInMemory


__all__ = ["INVOICE", "PAYMENT", "BooksInMemory", "Request", "books_installed"]
