"""Razorpay's settlements. https://razorpay.com/docs/api/settlements/fetch-recon and the Combined Report of its dashboard."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any

from oropendola_payments.gateways.parsing import (
	entity_of,
	matching,
	read_entity,
	short_text,
	unix_time,
	whole_number,
)
from oropendola_payments.gateways.payouts import (
	FileMapping,
	LineKind,
	Payout,
	PayoutLine,
	PayoutSource,
	with_costs,
)
from oropendola_payments.gateways.razorpay.client import LABEL, Client
from oropendola_payments.gateways.razorpay.mapping import ID

INDIA = timezone(timedelta(hours=5, minutes=30))
KINDS: Mapping[str | None, LineKind] = {
	"payment": LineKind.CAPTURE,
	"refund": LineKind.REFUND,
	"dispute": LineKind.DISPUTE,
	"reserve": LineKind.RESERVE,
}
FILE = FileMapping(
	columns={
		"payout_id": "settlement_id",
		"paid_on": "settled_at",
		"bank_reference": "settlement_utr",
		"kind": "type|transaction_entity",
		"row": "entity_id",
		"payment_id": "payment_id",
		"amount": "amount",
		"credit": "credit",
		"debit": "debit",
		"fee": "fee (exclusive tax)",
		"tax": "tax",
		"currency": "currency",
	},
	kinds={
		"payment": "Capture",
		"refund": "Refund",
		"dispute": "Dispute",
		"settlement": "Ignore",
		"adjustment": "Adjustment",
		"reserve": "Reserve",
		"*": "Adjustment",
	},
	date_order="Day first",
)


def fetch(client: Client, since: datetime, until: datetime) -> PayoutSource:
	"""The processed settlements of this time. Their lines are listed by the day in India on which they were settled."""
	known, days = set(), set()
	for entity in client.settlements(int(since.timestamp()), int(until.timestamp())):
		if entity.get("status") == "processed":
			payout = read_entity(LABEL, payout_of, entity)
			known.add(payout.payout_id)
			days |= _days(payout.paid_on, until)
			yield payout
	yield from _lines(client, sorted(days), known)


def _days(settled: date | None, until: datetime) -> set[date]:
	"""That day and the next one: a settlement of the last minute may be listed on either."""
	last = until.astimezone(INDIA).date()
	return {day for day in (settled, settled + timedelta(days=1)) if day <= last} if settled else set()


def _lines(client: Client, days: Iterable[date], known: set[str]) -> Iterator[PayoutLine]:
	for day in days:
		for entry in client.recon(day):
			if entry.get("settlement_id") in known:
				yield from read_entity(LABEL, lines_of, entry)


def payout_of(entity: Any) -> Payout:
	payout_id, minor = (
		matching(ID, entity_of(entity, "settlement").get("id")),
		whole_number(entity.get("amount")),
	)
	if not payout_id or minor is None:
		raise ValueError("a settlement without id or amount")
	return Payout(payout_id, None, minor, _day(entity.get("created_at")), short_text(entity.get("utr")))


def lines_of(entry: Any) -> list[PayoutLine]:
	"""The lines of one entry. `fee` contains the tax; what counts are debit and credit."""
	kind = KINDS.get(short_text(entity_of(entry, "entry").get("type")), LineKind.ADJUSTMENT)
	credit, debit, fee, tax = (whole_number(entry.get(name)) for name in ("credit", "debit", "fee", "tax"))
	row, currency = short_text(entry.get("entity_id")), short_text(entry.get("currency"), 3)
	if credit is None or debit is None or not row or not currency:
		raise ValueError("an entry without id, currency, debit or credit")
	# With fee credits a payment is settled in full, and its fee is taken from the credits.
	is_charged = kind is LineKind.CAPTURE and credit - debit != whole_number(entry.get("amount"))
	cost = (fee or 0, tax or 0) if is_charged else (0, 0)
	line = PayoutLine(
		entry["settlement_id"],
		kind,
		credit - debit + cost[0],
		currency.upper(),
		row,
		payment_id=row if kind is LineKind.CAPTURE else short_text(entry.get("payment_id")),
		refund_id=row if kind is LineKind.REFUND else None,
		day=_day(entry.get("created_at")),
		note=short_text(entry.get("type")),
		fee_stated=fee is not None,
	)
	return list(with_costs(line, cost[0] - cost[1], cost[1]))


def _day(seconds: Any) -> date | None:
	moment = unix_time(seconds)
	return moment.astimezone(INDIA).date() if moment else None
