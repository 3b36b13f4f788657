"""Rows of a report as payouts and lines, by the mapping of its columns. What cannot be read is refused with its line number."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from frappe import _

from oropendola_payments.engine.payouts.tables import BadFile, Row, exact_id
from oropendola_payments.engine.payouts.values import Unreadable, read_amount, read_date
from oropendola_payments.gateways.payouts import (
	IGNORED,
	NEEDED,
	PAYOUT,
	ROLES,
	Entry,
	FileMapping,
	LineKind,
	Payout,
	PayoutLine,
	gives_back,
	with_costs,
)
from oropendola_payments.money import exponent_of

HEADER_WITHIN = 30  # rows of titles that may stand above the headings
TOTAL = re.compile(r"(grand|sub|report)?totals?|sum")
# What takes away where amounts have no minus.
NEGATIVE = (LineKind.REFUND, LineKind.DISPUTE, LineKind.FEE, LineKind.TAX)
AMOUNTS = ("amount", "credit", "debit", "fee", "tax", "net")


def plain(heading: str) -> str:
	"""A heading without case, spaces and punctuation: `CF Payment ID` is `cf_payment_id`."""
	return re.sub(r"[^a-z0-9]", "", heading.casefold())


@dataclass
class Columns:
	"""The places of the mapped columns in one file: role -> places whose values are added up or tried."""

	headings: list[str]
	places: dict[str, list[int]] = field(default_factory=dict)

	def missing(self) -> list[str]:
		"""The roles without which the file cannot be read, each with its alternatives."""
		return [" / ".join(roles) for roles in NEEDED if not any(self.places.get(role) for role in roles)]


def columns_of(headings: Sequence[str], mapping: FileMapping) -> Columns:
	"""Find the mapped columns. A heading that occurs twice is not guessed."""
	known = [plain(heading) for heading in headings]
	columns = Columns(list(headings))
	for role, wanted in mapping.columns.items():
		for choice in wanted.split("|"):
			names = [plain(name) for name in choice.split("+")]
			if role in ROLES and all(known.count(name) == 1 for name in names):
				columns.places[role] = [known.index(name) for name in names]
				break
	return columns


def find_header(rows: Iterator[Row], mapping: FileMapping) -> Columns:
	"""Read up to the headings: the first row that has every needed column. BadFile with what the best row lacks."""
	best: Columns | None = None
	for _number, (_line, cells) in zip(range(HEADER_WITHIN), rows, strict=False):
		columns = columns_of(cells, mapping)
		if not columns.missing():
			return columns
		if best is None or len(columns.places) > len(best.places):
			best = columns
	missing = ", ".join(best.missing()) if best else ""
	message = _("The file has no headings for: {0}. Please say in the mapping which columns these are.")
	raise BadFile(message.format(missing))


class Reader:
	"""Reads rows below the headings. `payout` stands for what a file of one payout does not say itself."""

	def __init__(
		self, columns: Columns, mapping: FileMapping, exponents: dict[str, int], payout: Payout | None
	):
		self.columns, self.mapping, self.exponents, self.payout = columns, mapping, exponents, payout
		self.words = {plain(word): kind for word, kind in mapping.kinds.items()}
		self.net_total = 0

	def read(self, row: Row) -> list[Entry]:
		"""The entries of one row; none for a total, which is compared with the rows above it."""
		line, cells = row
		try:
			if self._is_total(cells):
				self._compare_total(cells)
				return []
			self._check_width(cells)
			return self._entries(cells)
		except Unreadable as error:
			raise BadFile(str(error), line) from None

	# Cells ----------------------------------------------------------------------------------------

	def _cell(self, cells: list[str], role: str) -> str:
		places = self.columns.places.get(role, [])
		return cells[places[0]] if places and places[0] < len(cells) else ""

	def _amount(self, cells: list[str], role: str, exponent: int) -> int | None:
		values = [
			read_amount(cells[place], exponent, self.mapping.decimal_mark, self.mapping.minor_units)
			for place in self.columns.places.get(role, [])
			if place < len(cells)
		]
		filled = [value for value in values if value is not None]
		return sum(filled) if filled else None

	def _date(self, cells: list[str], role: str) -> date | None:
		return read_date(self._cell(cells, role), self.mapping.date_order)

	def _id(self, cells: list[str], role: str) -> str | None:
		return exact_id(self._cell(cells, role))

	def _currency(self, cells: list[str]) -> tuple[str, int]:
		code = (self._cell(cells, "currency") or self.mapping.currency).upper()
		if not re.fullmatch(r"[A-Z]{3}", code):
			raise Unreadable(_("The currency is missing. Please name it in the mapping."))
		try:
			return code, self.exponents.get(code, exponent_of(code))
		except ValueError:
			raise Unreadable(_("“{0}” is not a currency.").format(code)) from None

	# Rows -----------------------------------------------------------------------------------------

	def _check_width(self, cells: list[str]) -> None:
		"""A row that is cut off, or moved by a stray delimiter, must not be read as another one."""
		width = len(self.columns.headings)
		if any(cells[width:]):
			raise Unreadable(_("The row has more columns than the headings."))
		last = max(place for places in self.columns.places.values() for place in places)
		if len(cells) <= last and len(cells) < width - 1:
			raise Unreadable(_("The row has fewer columns than the headings."))

	def _is_total(self, cells: list[str]) -> bool:
		ids = ("row", "payment_id", "reference", "refund_id")
		first = next((cell for cell in cells if cell), "")
		return bool(TOTAL.fullmatch(plain(first))) and not any(
			self._cell(cells, role) and self._cell(cells, role) != first for role in ids
		)

	def _compare_total(self, cells: list[str]) -> None:
		currency = self.mapping.currency or (self.payout.currency if self.payout else "") or "INR"
		stated = self._amount(cells, "net", self.exponents.get(currency, exponent_of(currency)))
		if stated is not None and stated != self.net_total:
			raise Unreadable(
				_(
					"The total of the file differs from the sum of its rows by {0} in its smallest unit."
				).format(stated - self.net_total)
			)

	def _kind(self, cells: list[str]) -> str:
		word = self._cell(cells, "kind")
		kind = self.words.get(plain(word)) or self.mapping.kinds.get("*")
		if not kind:
			raise Unreadable(
				_("“{0}” is not a known kind of line. Please add it to the mapping.").format(word[:60])
			)
		return kind

	def _entries(self, cells: list[str]) -> list[Entry]:
		kind = self._kind(cells)
		if kind == IGNORED:
			return []
		payout, exponent = self._payout(cells)
		if kind == PAYOUT:
			amount = self._effect(cells, None, exponent)
			return [
				Payout(payout.payout_id, payout.currency, abs(amount), payout.paid_on, payout.bank_reference)
			]
		lines = self._lines(cells, LineKind(kind), payout, exponent)
		self.net_total += sum(line.minor for line in lines)
		return [payout, *lines]

	def _payout(self, cells: list[str]) -> tuple[Payout, int]:
		currency, exponent = self._currency(cells)
		payout_id = self._id(cells, "payout_id") or (self.payout.payout_id if self.payout else None)
		if not payout_id:
			raise Unreadable(
				_("The row names no payout. If the file is one payout, please enter its number.")
			)
		paid_on = self._date(cells, "paid_on") or (self.payout.paid_on if self.payout else None)
		return Payout(payout_id, currency, None, paid_on, self._id(cells, "bank_reference")), exponent

	def _lines(self, cells: list[str], kind: LineKind, payout: Payout, exponent: int) -> list[PayoutLine]:
		fee, tax = self._costs(cells, exponent)
		net = self._net(cells, kind, exponent)
		gross = self._gross(cells, kind, exponent, net, fee, tax)
		ids = {name: self._id(cells, name) for name in ("payment_id", "reference", "refund_id", "refund_key")}
		row = self._id(cells, "row") or "-".join(filter(None, ids.values())) or f"{payout.paid_on}"
		self._complete_ids(ids, kind, row)
		line = PayoutLine(
			payout.payout_id,
			kind,
			gross,
			payout.currency or "",
			row,
			payment_id=ids["payment_id"],
			reference=ids["reference"],
			refund_id=ids["refund_id"],
			refund_key=ids["refund_key"],
			**self._own(cells, gross),
			day=self._date(cells, "day"),
			note=self._cell(cells, "kind")[:40] or None,
			fee_stated=kind is LineKind.CAPTURE
			and (bool(fee) or self._amount(cells, "fee", exponent) is not None),
		)
		lines = list(with_costs(line, fee, tax, net))
		if net is not None and sum(part.minor for part in lines) != net:
			message = _("Amount, fee and tax add up to {0}, but the net is {1} (in the smallest unit).")
			raise Unreadable(message.format(sum(part.minor for part in lines), net))
		return lines

	@staticmethod
	def _complete_ids(ids: dict[str, str | None], kind: LineKind, row: str) -> None:
		"""The id of the row itself is that of the payment or refund where no column of its own says it."""
		if kind is LineKind.REFUND:
			ids["refund_id"] = ids["refund_id"] or (None if ids["refund_key"] else row)
			if ids["payment_id"] == ids["refund_id"]:
				ids["payment_id"] = None  # one column for the ids of both
			return
		ids["refund_id"] = ids["refund_key"] = None
		if kind is LineKind.CAPTURE and not ids["reference"]:
			ids["payment_id"] = ids["payment_id"] or row

	# Amounts --------------------------------------------------------------------------------------

	def _costs(self, cells: list[str], exponent: int) -> tuple[int, int]:
		"""Fee and tax as what is taken; less than 0 where they come back."""
		fee, tax = (self._amount(cells, role, exponent) or 0 for role in ("fee", "tax"))
		if self.mapping.signed_fees:
			fee, tax = -fee, -tax
		return (fee - tax, tax) if self.mapping.fee_includes_tax else (fee, tax)

	def _net(self, cells: list[str], kind: LineKind, exponent: int) -> int | None:
		"""What the row adds to the payout, where the report says so."""
		credit, debit = (self._amount(cells, role, exponent) for role in ("credit", "debit"))
		if credit is not None or debit is not None:
			return abs(credit or 0) - abs(debit or 0)
		net = self._amount(cells, "net", exponent)
		if net is None or self.mapping.signed_amounts or net < 0:
			return net
		return self._sign(cells, kind) * net

	def _gross(
		self, cells: list[str], kind: LineKind, exponent: int, net: int | None, fee: int, tax: int
	) -> int:
		"""What the row is about before its costs."""
		amount = self._amount(cells, "amount", exponent)
		if amount is None:
			if net is None:
				raise Unreadable(_("The amount is missing."))
			return net + fee + tax
		if self.mapping.signed_amounts or amount < 0:
			return amount
		if "direction" not in self.columns.places and net is not None and "net" not in self.columns.places:
			return amount if net > 0 or kind is LineKind.CAPTURE else -amount  # credit and debit say it
		return self._sign(cells, kind) * amount

	def _sign(self, cells: list[str], kind: LineKind) -> int:
		direction = plain(self._cell(cells, "direction"))[:1]
		if direction:
			return -1 if direction == "d" else 1
		return -1 if kind in NEGATIVE and not gives_back(self._cell(cells, "kind")) else 1

	def _effect(self, cells: list[str], kind: LineKind | None, exponent: int) -> int:
		for role in ("net", "amount", "debit", "credit"):
			if value := self._amount(cells, role, exponent):
				return value
		raise Unreadable(_("The amount is missing."))

	def _own(self, cells: list[str], gross: int) -> dict:
		"""What the customer paid, where the report has it in another currency."""
		currency = self._cell(cells, "own_currency").upper()
		if not re.fullmatch(r"[A-Z]{3}", currency) or currency == self._currency(cells)[0]:
			return {}
		minor = self._amount(cells, "own_amount", self.exponents.get(currency, exponent_of(currency)))
		if minor is None:
			return {}
		return {"own_minor": abs(minor) if gross >= 0 else -abs(minor), "own_currency": currency}
