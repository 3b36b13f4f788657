"""Consecutive numbers without gaps, one series for each registration, kind of document and financial year.

The row of the series is locked by the first statement of the transaction that issues a document, and it is that transaction which
counts on. So a rollback gives the number back, dates never fall within a series, and no earlier read can make the database refuse
the lock. Settlement never takes this lock: a document is issued after the payment's own transaction.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TypeVar
from zoneinfo import ZoneInfo

import frappe
from frappe import _
from frappe.utils import cint, get_system_timezone, getdate

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.doctype.ai_tax_document_series.ai_tax_document_series import (
	AITaxDocumentSeries,
)
from oropendola_payments.engine.core.transactions import in_transaction, read
from oropendola_payments.engine.documents.types import Held, Stamp

R = TypeVar("R")
SERIES = "AI Tax Document Series"
PREFIXES = {"Invoice": "INV", "Credit Note": "CN"}
# What the Indian rules allow, with a letter at the start, as the portal wants it; it is fine elsewhere too.
NUMBER = re.compile(r"[A-Z][A-Z0-9/-]{0,15}")
ZONES = {"IN": "Asia/Kolkata", "GB": "Europe/London"}


class _SeriesMissing(Exception):
	pass


class _YearChanged(Exception):
	pass


@dataclass(frozen=True)
class Numberer:
	"""Where the numbers of one registration come from."""

	registration: str
	country: str  # as a code, such as IN
	prefix: str = ""  # of a registration that shares the site with others

	def today(self, at: datetime | None = None) -> date:
		"""Return the day at the seller. `at` is a moment with a time zone; now if it is missing."""
		zone = ZoneInfo(ZONES.get(self.country) or get_system_timezone())
		return (at or datetime.now(timezone.utc)).astimezone(zone).date()

	def series(self, kind: str, day: date) -> str:
		return f"{self.prefix}{PREFIXES[kind]}{financial_year(day, self.country)}"


def financial_year(day: date, country: str) -> str:
	"""Return the year as it stands in numbers: 2627 in India, where it starts on 1 April, and 2026 elsewhere."""
	if country != "IN":
		return str(day.year)
	start = day.year if day.month >= 4 else day.year - 1
	return f"{start % 100:02d}{(start + 1) % 100:02d}"


def with_numbers(
	numberer: Numberer,
	kinds: tuple[str, ...],
	work: Callable[[dict[str, Stamp]], R],
	at: datetime | None = None,
) -> R:
	"""Run `work` in a new transaction with the next number of each kind, and commit. If it returns None, no number is used."""
	while True:
		day = numberer.today(at)
		try:
			return in_transaction(_with_locked_series, numberer, kinds, day, work, at)
		except _SeriesMissing:
			_create_series(numberer, kinds, day)
		except _YearChanged:  # midnight came while the series of the old year was waited for
			continue


def _with_locked_series(
	numberer: Numberer,
	kinds: tuple[str, ...],
	day: date,
	work: Callable[[dict[str, Stamp]], R],
	at: datetime | None,
) -> R:
	# Always in the same order, so that two transactions cannot wait for each other.
	rows = {kind: _lock(numberer.series(kind, day)) for kind in sorted(kinds)}
	now = numberer.today(at)
	if financial_year(now, numberer.country) != financial_year(day, numberer.country):
		raise _YearChanged
	stamps = {kind: _next(row, numberer, kind, now) for kind, row in rows.items()}
	result = work(stamps)
	if result is not None:
		for kind, row in rows.items():
			row.write(last_number=stamps[kind].number_in_series, last_date=stamps[kind].day)
	return result


def _lock(series: str) -> AITaxDocumentSeries:
	rows = read(SERIES, "`name` = %s FOR UPDATE", (series,))
	if not rows:
		raise _SeriesMissing
	return rows[0]


def _next(row: AITaxDocumentSeries, numberer: Numberer, kind: str, today: date) -> Stamp:
	if row.registration != numberer.registration:
		message = _(
			"Series {0} belongs to another registration. Please give this registration its own prefix."
		)
		raise Held(message.format(row.name))
	count = cint(row.last_number) + 1
	number = f"{row.name}-{count:06d}"
	if not NUMBER.fullmatch(number):
		message = _(
			"{0} is no valid number: at most 16 capital letters, digits, - and /, with a letter first."
		)
		raise Held(message.format(number))
	# The clock of a server may go back; the dates of a series may not.
	day = max(today, getdate(row.last_date)) if row.last_date else today
	return Stamp(kind, number, row.name, count, row.financial_year, day)


def _create_series(numberer: Numberer, kinds: tuple[str, ...], day: date) -> None:
	for kind in kinds:
		name = numberer.series(kind, day)
		if not frappe.db.exists(SERIES, name):
			try:
				in_transaction(_insert_series, name, numberer, kind, financial_year(day, numberer.country))
			except frappe.DuplicateEntryError:
				continue  # somebody else was first


def _insert_series(name: str, numberer: Numberer, kind: str, year: str) -> None:
	row = records.new(SERIES)
	row.update(
		{
			"name": name,
			"registration": numberer.registration,
			"kind": kind,
			"financial_year": year,
			"last_number": 0,
		}
	)
	row.add()
