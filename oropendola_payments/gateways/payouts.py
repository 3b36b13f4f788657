"""What a gateway pays out: payouts and their lines, from its API or from the report that its dashboard offers as a file.

Both come as one stream of `Payout` and `PayoutLine`, in any order, so that neither an answer nor a file has to fit into memory.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from typing import Any

AMOUNT = re.compile(r"-?\d{1,15}(\.\d{1,9})?", re.ASCII)


class LineKind(str, Enum):
	"""What a line of a payout is about. A type that an adapter does not know is an ADJUSTMENT: it counts, and it is seen."""

	CAPTURE = "Capture"
	REFUND = "Refund"
	FEE = "Fee"
	TAX = "Tax on Fee"
	DISPUTE = "Dispute"
	ADJUSTMENT = "Adjustment"
	RESERVE = "Reserve"  # kept back by the gateway, or released


@dataclass(frozen=True)
class Payout:
	"""One transfer to the bank account. What a report does not say is None; several of them are put together."""

	payout_id: str
	currency: str | None = None
	minor: int | None = None  # the sum that reaches the bank
	paid_on: date | None = None
	bank_reference: str | None = None


@dataclass(frozen=True)
class PayoutLine:
	"""What one fact adds to a payout, in minor units of the payout's currency; less than 0 takes away."""

	payout_id: str
	kind: LineKind
	minor: int
	currency: str
	row: str  # the gateway's own id of what is reported, or what stands for it; lines of one row share it
	payment_id: str | None = None
	reference: str | None = None  # our attempt
	refund_id: str | None = None
	refund_key: str | None = None  # our refund
	# The amount in the currency in which the customer paid, where the gateway converted it.
	own_minor: int | None = None
	own_currency: str | None = None
	day: date | None = None
	note: str | None = None  # the gateway's word for it, never text of a payer
	fee_stated: bool = False  # of a capture: the report says what it cost, be it nothing


Entry = Payout | PayoutLine
# Words of a mapping that are no line.
PAYOUT, IGNORED = "Payout", "Ignore"


@dataclass(frozen=True)
class FileMapping:
	"""Which column of a report means what. Headings are compared without case, spaces and punctuation.

	`columns`: role -> heading. `A|B` is the first of them that the file has, `A+B` the sum of both.
	`kinds`: the report's word -> a LineKind, PAYOUT for the transfer itself, or IGNORED. `*` is any other word.
	"""

	columns: Mapping[str, str] = field(default_factory=dict)
	kinds: Mapping[str, str] = field(default_factory=dict)
	currency: str = ""  # where the report has no column for it
	decimal_mark: str = "Automatic"  # Automatic, Point or Comma
	date_order: str = "Automatic"  # Automatic, Day first or Month first
	minor_units: bool = False  # amounts count paise or cents
	signed_amounts: bool = False  # an amount that takes away has a minus
	signed_fees: bool = False  # a fee that is taken has a minus
	fee_includes_tax: bool = False


ROLES = (
	"payout_id", "paid_on", "bank_reference", "kind", "direction", "row", "payment_id", "reference", "refund_id", "refund_key",
	"amount", "credit", "debit", "fee", "tax", "net", "currency", "own_amount", "own_currency", "day",
)  # fmt: skip
# Without these a report cannot be read; each is one of several roles.
NEEDED = (("kind",), ("amount", "credit", "net"), ("payment_id", "reference"))

PayoutSource = Iterator[Entry]
# A dispute that was won after all, or a refund that came back. PayPal's "payment reversal" is none: it takes away.
GIVES_BACK = re.compile(r"(chargeback|dispute|refund)[-_ ]*revers(al|ed)", re.IGNORECASE)


def gives_back(word: str) -> bool:
	"""Return whether a report's word for a line says that money that was taken comes back."""
	return bool(GIVES_BACK.search(word))


def fee_lines(row: PayoutLine, fee: int, tax: int) -> Iterator[PayoutLine]:
	"""The lines of what a row cost, from positive amounts; each is left out where it is 0."""
	costs = replace(row, own_minor=None, own_currency=None, note=None, fee_stated=False)
	if fee:
		yield replace(costs, kind=LineKind.FEE, minor=-fee)
	if tax:
		yield replace(costs, kind=LineKind.TAX, minor=-tax)


def with_costs(row: PayoutLine, fee: int, tax: int, net: int | None = None) -> Iterator[PayoutLine]:
	"""A row with what it cost. Reports round fee and tax by themselves, so the fee takes the unit that is missing to the net."""
	if net is not None and abs(row.minor - fee - tax - net) == 1:
		fee = row.minor - tax - net
	yield row
	yield from fee_lines(row, fee, tax)


def minor_of(value: Any, exponent: int) -> int | None:
	"""Minor units of an amount that may have more decimals than its currency, rounded half up; None for what is no amount."""
	text = str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value
	if not isinstance(text, str) or not AMOUNT.fullmatch(text.strip()):
		return None
	return int(Decimal(text.strip()).scaleb(exponent).quantize(Decimal(1), rounding=ROUND_HALF_UP))
