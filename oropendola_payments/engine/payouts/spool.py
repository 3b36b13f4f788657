"""Payouts on their way from a source to the database, on disk: a report may be larger than the memory and come in any order."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date
from types import TracebackType

from frappe import _

from oropendola_payments.exceptions import BadRequest
from oropendola_payments.gateways.payouts import Entry, LineKind, Payout, PayoutLine

TABLES = """
	CREATE TABLE payout (id TEXT PRIMARY KEY, currency TEXT, minor INTEGER, paid_on TEXT, bank_reference TEXT);
	CREATE TABLE line (payout TEXT, key TEXT, kind TEXT, ident TEXT, minor INTEGER, content TEXT, PRIMARY KEY (payout, key))
		WITHOUT ROWID;
"""
# Of these kinds every line counts by itself when two reports are compared; of the others their sum does.
BY_PAYMENT = (LineKind.CAPTURE, LineKind.REFUND, LineKind.DISPUTE)


class Spool:
	"""Gathers payouts and lines of one source, and gives them back payout by payout.

	A line that an API repeats on a further page is kept once. In a file every row counts, so equal rows are numbered there.
	"""

	def __init__(self, *, every_row_counts: bool = False):
		self.every_row_counts = every_row_counts
		self._db = sqlite3.connect("")  # SQLite keeps this in a file without a name, which ends with it
		self._db.executescript(TABLES)

	def __enter__(self) -> "Spool":
		return self

	def __exit__(
		self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
	) -> None:
		self._db.close()

	def add(self, entry: Entry) -> None:
		if isinstance(entry, Payout):
			self._merge(entry)
		else:
			self._merge(Payout(entry.payout_id, entry.currency))
			self._add_line(entry)

	def payouts(self) -> list[Payout]:
		"""All payouts, the oldest first."""
		rows = self._db.execute("SELECT * FROM payout ORDER BY paid_on, id").fetchall()
		return [
			Payout(name, currency, minor, date.fromisoformat(day) if day else None, bank)
			for name, currency, minor, day, bank in rows
		]

	def lines(self, payout_id: str) -> Iterator[tuple[str, PayoutLine]]:
		"""The lines of a payout, each with its key."""
		cursor = self._db.execute("SELECT key, content FROM line WHERE payout = ? ORDER BY key", (payout_id,))
		for key, content in cursor:
			yield key, _line(json.loads(content))

	def count(self, payout_id: str) -> int:
		query = "SELECT COUNT(*) FROM line WHERE payout = ?"
		return self._db.execute(query, (payout_id,)).fetchone()[0]

	def total(self, payout_id: str) -> int:
		"""The sum of the lines in minor units."""
		query = "SELECT COALESCE(SUM(minor), 0) FROM line WHERE payout = ?"
		return self._db.execute(query, (payout_id,)).fetchone()[0]

	def fingerprint(self, payout: Payout) -> str:
		"""A hash of what counts, the same for the API and the file of one payout and for any order of the lines."""
		amount = self.total(payout.payout_id) if payout.minor is None else payout.minor
		digest = hashlib.sha256(f"{payout.currency}|{amount}".encode())
		query = "SELECT kind, ident, SUM(minor) FROM line WHERE payout = ? GROUP BY kind, ident ORDER BY kind, ident"
		for kind, ident, minor in self._db.execute(query, (payout.payout_id,)):
			if minor:
				digest.update(f"\n{kind}|{ident}|{minor}".encode())
		return digest.hexdigest()

	def _merge(self, new: Payout) -> None:
		"""Put together what several entries say of a payout."""
		row = self._db.execute("SELECT * FROM payout WHERE id = ?", (new.payout_id,)).fetchone()
		values = (
			new.currency,
			new.minor,
			new.paid_on.isoformat() if new.paid_on else None,
			new.bank_reference,
		)
		known = row[1:] if row else (None,) * 4
		if known[0] and values[0] and known[0] != values[0]:
			message = _("The report has lines in {0} and in {1} for one payout, {2}.")
			raise BadRequest(message.format(known[0], values[0], new.payout_id))
		if None not in (known[1], values[1]) and known[1] != values[1]:
			raise BadRequest(_("The report gives two amounts for one payout, {0}.").format(new.payout_id))
		merged = [old if old is not None else value for old, value in zip(known, values, strict=True)]
		if row is None or merged != list(known):
			self._db.execute("INSERT OR REPLACE INTO payout VALUES (?, ?, ?, ?, ?)", (new.payout_id, *merged))

	def _add_line(self, line: PayoutLine) -> None:
		base = key = f"{line.row}|{line.kind.value}"
		content, number = _content(line), 1
		while (known := self._known(line.payout_id, key)) is not None:
			if not self.every_row_counts:
				self._refuse_change(line, known, content)
				return
			number += 1
			key = f"{base}|{number}"
		row = (line.payout_id, key, _compared_as(line), _ident(line), line.minor, content)
		self._db.execute("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?)", row)

	def _known(self, payout_id: str, key: str) -> str | None:
		query = "SELECT content FROM line WHERE payout = ? AND key = ?"
		found = self._db.execute(query, (payout_id, key)).fetchone()
		return found[0] if found else None

	@staticmethod
	def _refuse_change(line: PayoutLine, known: str, content: str) -> None:
		if known != content:
			message = _("The gateway reports {0} in payout {1} twice, with different amounts.")
			raise BadRequest(message.format(line.row, line.payout_id))


def _compared_as(line: PayoutLine) -> str:
	"""The kind for comparing two reports. Some reports have tax in a column of its own and some in the fee."""
	return "Cost" if line.kind in (LineKind.FEE, LineKind.TAX) else line.kind.value


def _ident(line: PayoutLine) -> str:
	if line.kind not in BY_PAYMENT:
		return ""
	ids = (
		(line.refund_id, line.refund_key)
		if line.kind is LineKind.REFUND
		else (line.payment_id, line.reference)
	)
	return next(filter(None, ids), line.row)


def _content(line: PayoutLine) -> str:
	values = asdict(replace(line, kind=line.kind))
	values["kind"], values["day"] = line.kind.value, line.day.isoformat() if line.day else None
	return json.dumps(values, sort_keys=True)


def _line(values: dict) -> PayoutLine:
	day = date.fromisoformat(values["day"]) if values["day"] else None
	return PayoutLine(**{**values, "kind": LineKind(values["kind"]), "day": day})
