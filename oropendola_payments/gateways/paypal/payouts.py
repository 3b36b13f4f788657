"""PayPal's withdrawals to the bank, from https://developer.paypal.com/docs/api/transaction-search/v1/

PayPal has no payout that lists its parts: payments change a balance, and withdrawals take from it. So a withdrawal is a payout,
its lines are what changed the balance since the one before, and what stays in the account is a reserve.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from oropendola_payments.gateways.parsing import iso_time, member, read_entity, short_text
from oropendola_payments.gateways.payouts import (
	Entry,
	FileMapping,
	LineKind,
	Payout,
	PayoutLine,
	PayoutSource,
	fee_lines,
	minor_of,
	with_costs,
)
from oropendola_payments.gateways.paypal.client import LABEL, Client
from oropendola_payments.gateways.paypal.mapping import EXPONENTS, reference_of, word
from oropendola_payments.money import exponent_of

# The most that one question may ask for, and how far before the wanted time the last withdrawal is looked for.
WINDOW = timedelta(days=31)
DONE, WITHDRAWAL = "S", "T04"
# https://developer.paypal.com/reports/reference/t-codes, from the longest beginning to the shortest.
KINDS = (
	("T1107", LineKind.REFUND),
	("T1106", LineKind.DISPUTE),
	("T1105", LineKind.RESERVE),
	("T12", LineKind.DISPUTE),
	("T15", LineKind.RESERVE),
	("T21", LineKind.RESERVE),
	("T01", LineKind.FEE),
	("T00", LineKind.CAPTURE),
)
FILE = FileMapping(
	columns={
		"payout_id": "payout id",
		"kind": "type",
		"row": "transaction id",
		"payment_id": "reference txn id",
		"refund_id": "transaction id",
		"amount": "gross",
		"fee": "fee",
		"net": "net",
		"currency": "currency",
		"day": "date",
	},
	kinds={
		**dict.fromkeys(
			("express checkout payment", "website payment", "mobile payment", "general payment"), "Capture"
		),
		**dict.fromkeys(("payment refund", "payment reversal refund"), "Refund"),
		**dict.fromkeys(("payment reversal", "chargeback", "chargeback reversal"), "Dispute"),
		**dict.fromkeys(
			("hold on balance for dispute investigation", "account hold for open authorization"), "Reserve"
		),
		**dict.fromkeys(
			("general withdrawal", "user initiated withdrawal", "auto-sweep", "bank withdrawal"), "Payout"
		),
		"*": "Adjustment",
	},
	signed_amounts=True,
	signed_fees=True,
)


@dataclass(frozen=True)
class Movement:
	"""One change of the balance, in minor units."""

	at: datetime
	row: str
	code: str
	currency: str
	minor: int
	fee: int  # less than 0 takes away
	balance: int | None  # after it
	info: Mapping[str, Any]

	def is_withdrawal(self) -> bool:
		return self.code.startswith(WITHDRAWAL) and self.minor < 0


def fetch(client: Client, since: datetime, until: datetime) -> PayoutSource:
	"""The withdrawals of this time, each with what changed the balance since the one before it."""
	first = since - WINDOW
	found: list[Movement | None] = []
	while first < until:
		last = min(first + WINDOW, until)
		found += [read_entity(LABEL, movement_of, entry) for entry in client.transactions(first, last)]
		first = last
	done = {movement.row: movement for movement in found if movement}
	# Times are whole seconds. What came in the same second as a withdrawal is taken to be in it; otherwise PayPal's order counts.
	ordered = sorted(done.values(), key=lambda movement: (movement.at, movement.is_withdrawal()))
	for currency in sorted({movement.currency for movement in ordered}):
		yield from _payouts([movement for movement in ordered if movement.currency == currency], since)


def _payouts(movements: Iterable[Movement], since: datetime) -> Iterator[Entry]:
	opening: int | None = None
	gathered: list[Movement] = []
	for movement in movements:
		if opening is None and movement.balance is not None and not gathered:
			opening = movement.balance - movement.minor - movement.fee
		if not movement.is_withdrawal():
			gathered.append(movement)
			continue
		if movement.at >= since:
			yield from _payout(movement, gathered, opening)
		opening, gathered = movement.balance, []


def _payout(withdrawal: Movement, movements: list[Movement], opening: int | None) -> Iterator[Entry]:
	payout = Payout(
		withdrawal.row,
		withdrawal.currency,
		-withdrawal.minor,
		withdrawal.at.date(),
		short_text(withdrawal.info.get("bank_reference_id")),
	)
	yield payout
	for movement in movements:
		yield from lines_of(movement, payout.payout_id)
	own = PayoutLine(
		payout.payout_id, LineKind.FEE, 0, withdrawal.currency, withdrawal.row, day=payout.paid_on
	)
	yield from fee_lines(own, -withdrawal.fee, 0)
	kept = (opening or 0) - (withdrawal.balance or 0)
	if kept:
		yield replace(own, kind=LineKind.RESERVE, minor=kept, row="balance", note="balance")


def lines_of(movement: Movement, payout_id: str) -> list[PayoutLine]:
	kind = next((kind for start, kind in KINDS if movement.code.startswith(start)), LineKind.ADJUSTMENT)
	if kind is LineKind.CAPTURE and movement.minor < 0:
		kind = LineKind.ADJUSTMENT  # a payment that we made
	is_payment = kind is LineKind.CAPTURE
	line = PayoutLine(
		payout_id,
		kind,
		movement.minor,
		movement.currency,
		movement.row,
		payment_id=movement.row if is_payment else word(movement.info.get("paypal_reference_id")),
		reference=reference_of(movement.info.get("custom_field")),
		refund_id=movement.row if kind is LineKind.REFUND else None,
		day=movement.at.date(),
		note=movement.code,
		fee_stated=is_payment and "fee_amount" in movement.info,
	)
	return list(with_costs(line, -movement.fee, 0))


def movement_of(entry: Any) -> Movement | None:
	"""One change of the balance; None for what is not done."""
	info = member(entry, "transaction_info")
	if not isinstance(info, Mapping) or info.get("transaction_status") != DONE:
		return None
	currency = short_text(member(info, "transaction_amount", "currency_code"), 3) or ""
	at, row, code = (
		iso_time(_offset(info.get("transaction_initiation_date"))),
		word(info.get("transaction_id")),
		word(info.get("transaction_event_code")),
	)
	minor = _minor(info, "transaction_amount", currency)
	if at is None or not row or not code or minor is None:
		raise ValueError("a transaction without id, code, time or amount")
	return Movement(
		at,
		row,
		code,
		currency,
		minor,
		_minor(info, "fee_amount", currency) or 0,
		_minor(info, "ending_balance", currency),
		info,
	)


def _minor(info: Mapping[str, Any], name: str, currency: str) -> int | None:
	value: str | Decimal | None = member(info, name, "value")
	if member(info, name, "currency_code") != currency:
		return None
	return minor_of(value, EXPONENTS.get(currency, exponent_of(currency)))


def _offset(text: Any) -> Any:
	"""A time whose offset has no colon (`+0000`), as Python 3.10 can read it."""
	has_none = isinstance(text, str) and len(text) == 24 and text[-5] in "+-"
	return f"{text[:-2]}:{text[-2:]}" if has_none else text
