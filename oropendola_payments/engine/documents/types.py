"""What the modules of this room hand to each other."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from oropendola_payments.exceptions import Refusal


class Held(Refusal):
	"""The document cannot be issued yet. The message says what is missing; money and service are not affected."""

	error_code = "document_on_hold"


@dataclass(frozen=True)
class Stamp:
	"""The next number of a locked series, with its date."""

	kind: str
	number: str
	series: str
	number_in_series: int
	financial_year: str
	day: date


@dataclass(frozen=True)
class TaxLine:
	"""One head of tax, such as CGST at 9 %."""

	label: str
	rate: Decimal
	base: Decimal
	amount: Decimal
	account_hint: str = ""


@dataclass(frozen=True)
class ItemLine:
	"""What was sold, without tax."""

	description: str
	code: str
	amount: Decimal
	period: tuple[str, str] | None = None


@dataclass(frozen=True)
class Party:
	"""Seller or buyer as it was when the document was issued."""

	name: str
	address: tuple[str, ...] = ()
	country: str = ""
	state: str = ""
	state_code: str = ""
	tax_id: str = ""
	tax_id_label: str = ""
	email: str = ""
	more: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Draft:
	"""A document without its number."""

	kind: str
	title: str
	registration: str
	country: str
	user: str
	invoice: str
	source_key: str
	seller: Party
	buyer: Party
	items: tuple[ItemLine, ...]
	taxes: tuple[TaxLine, ...]
	currency: str
	prefix: str = ""  # of the registration's numbers
	place_of_supply: str = ""
	treatment: str = ""
	notes: tuple[str, ...] = ()
	paid: dict = field(default_factory=dict)
	home: dict = field(
		default_factory=dict
	)  # currency, rate, date and source, if the return has another currency
	reason: str = ""
	refund: str = ""
	original: dict = field(default_factory=dict)  # number and date of the document that is corrected
	earlier: tuple[dict, ...] = ()  # the contents of the notes before it that correct the same document

	@property
	def net(self) -> Decimal:
		return sum((item.amount for item in self.items), Decimal(0))

	@property
	def tax(self) -> Decimal:
		return sum((tax.amount for tax in self.taxes), Decimal(0))

	@property
	def total(self) -> Decimal:
		return self.net + self.tax
