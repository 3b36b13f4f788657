"""What is booked, in our words, and what the books of another app must be able to do."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Protocol, TypeAlias

from oropendola_payments.integrations.outbox.types import Made

# A document of the other app, whose fields nobody can check here.
Foreign: TypeAlias = Any
PAYMENT, INVOICE, REQUEST, JOURNAL = "Payment Entry", "Sales Invoice", "Payment Request", "Journal Entry"


@dataclass(frozen=True)
class Money:
	"""A sum that came in at a gateway, or went out again. `key` makes sure that it is booked once."""

	key: str
	gateway: str
	amount: Decimal
	currency: str
	reference: str
	day: date


@dataclass(frozen=True)
class Request:
	"""A Payment Request as it is now, locked."""

	name: str
	currency: str
	outstanding: Decimal
	is_submitted: bool


@dataclass(frozen=True)
class Buyer:
	"""Who bought. `user` is who it is on this site; the rest is what the invoice says."""

	user: str
	name: str
	is_business: bool = False
	email: str = ""
	address: tuple[str, ...] = ()
	city: str = ""
	pincode: str = ""
	state: str = ""
	country: str = ""
	tax_id: str = ""
	gst_category: str = ""


@dataclass(frozen=True)
class Tax:
	label: str
	rate: Decimal
	amount: Decimal
	account: str = ""


@dataclass(frozen=True)
class Sale:
	"""What was sold, or what a credit note takes back. All amounts are positive."""

	key: str
	buyer: Buyer
	plan: str
	description: str
	code: str
	net: Decimal
	taxes: tuple[Tax, ...]
	currency: str
	day: date
	number: str = ""  # of our own tax document
	place_of_supply: str = ""
	reason: str = ""

	@property
	def total(self) -> Decimal:
		return self.net + sum((tax.amount for tax in self.taxes), Decimal(0))


@dataclass(frozen=True)
class Transfer:
	"""What a gateway paid out. All amounts are what they add to it, so that fees are less than 0, and together they are `amount`."""

	key: str
	gateway: str
	amount: Decimal
	currency: str
	reference: str
	day: date
	payments: dict[str, Decimal]  # of entries in the books, by the name of the Payment Entry
	expected: Decimal  # of payments and refunds whose entries are still to be made, or were made by hand
	others: dict[str, Decimal]  # by what it is: Fee, Tax on Fee, Dispute, Adjustment, Reserve, Not Booked

	@property
	def total(self) -> Decimal:
		return sum((*self.payments.values(), self.expected, *self.others.values()), Decimal(0))


@dataclass(frozen=True)
class Booked:
	"""A Sales Invoice or credit note as the books have it, with positive amounts."""

	name: str
	net: Decimal
	total: Decimal
	taxes: tuple[Decimal, ...] = field(default_factory=tuple)


class Books(Protocol):
	"""The books. Every method works in the caller's transaction and commits nothing."""

	def require_company(self, name: str | None) -> None:
		"""Raise BadRequest if there is no company of this name."""

	def prepare(self) -> None:
		"""Add what is missing for booking. May run again and again."""

	def remove(self) -> None:
		"""Remove what would need our app."""

	def find(self, doctype: str, key: str) -> str | None:
		"""Return the document that was booked with this key."""

	def request(self, name: str) -> Request | None:
		"""Return a Payment Request and lock it."""

	def pay_request(self, name: str, money: Money, allocated: Decimal) -> Made:
		"""Book money that came for a Payment Request: so much of it for its document, the rest as an advance."""

	def book_sale(self, sale: Sale) -> Booked:
		"""Submit a Sales Invoice."""

	def book_credit_note(self, note: Sale, against: str) -> Booked:
		"""Submit a credit note against a Sales Invoice."""

	def receive(self, buyer: Buyer, money: Money, invoice: str | None, allocated: Decimal) -> Made:
		"""Book money that came from a customer: so much of it for this invoice, the rest as an advance."""

	def allocate(self, payment: str, invoice: str, amount: Decimal) -> None:
		"""Use an advance that was booked before for an invoice."""

	def book_payout(self, transfer: Transfer) -> Made:
		"""Book what a gateway paid out, instead of what an earlier report of the same payout said."""

	def pay_back(self, money: Money, payment: str, note: str | None, allocated: Decimal) -> Made:
		"""Book money that went back to whom this payment came from: so much of it for this credit note."""
