"""Cashfree's settlements and their events: https://www.cashfree.com/docs/api-reference/payments/latest/settlements

The *Settlement Recon* report of its dashboard has the same names.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from oropendola_payments.gateways.cashfree.client import LABEL, Client
from oropendola_payments.gateways.cashfree.mapping import currency_of, id_of
from oropendola_payments.gateways.parsing import entity_of, iso_time, read_entity, short_text
from oropendola_payments.gateways.payouts import (
	FileMapping,
	LineKind,
	Payout,
	PayoutLine,
	PayoutSource,
	fee_lines,
	minor_of,
	with_costs,
)
from oropendola_payments.money import exponent_of

KINDS: Mapping[str | None, LineKind] = {
	"PAYMENT": LineKind.CAPTURE,
	**dict.fromkeys(("REFUND", "REFUND_REVERSAL"), LineKind.REFUND),
	**dict.fromkeys(("DISPUTE", "DISPUTE_REVERSAL", "CHARGEBACK", "CHARGEBACK_REVERSAL"), LineKind.DISPUTE),
}
FEES = ("payment_service_charge", "split_service_charge", "vendor_commission")
TAXES = ("payment_service_tax", "split_service_tax")
FILE = FileMapping(
	columns={
		"payout_id": "cf_settlement_id|settlement_id",
		"paid_on": "settlement_date",
		"bank_reference": "settlement_utr",
		"kind": "event_type",
		"direction": "sale_type",
		"row": "event_id",
		"payment_id": "cf_payment_id",
		"reference": "order_id",
		"refund_id": "event_id",
		"refund_key": "refund_id",
		"amount": "event_amount",
		"fee": "payment_service_charge",
		"tax": "payment_service_tax",
		"net": "event_settlement_amount",
		"currency": "event_currency",
		"day": "event_time",
	},
	kinds={**{word: kind.value for word, kind in KINDS.items() if word}, "*": "Adjustment"},
	currency="INR",
	date_order="Day first",
)


def fetch(client: Client, since: datetime, until: datetime) -> PayoutSource:
	"""The settlements of this time that reached the bank, with their events."""
	known: dict[str, Payout] = {}
	for entity in client.settlements(since, until):
		if short_text(entity.get("status"), 40) in (None, "SUCCESS"):
			payout, costs = read_entity(LABEL, payout_of, entity)
			known[payout.payout_id] = payout
			yield payout
			yield from costs
	for event in client.settlement_events(since, until):
		if id_of(event.get("cf_settlement_id")) in known:
			yield from read_entity(LABEL, lines_of, event)


def payout_of(entity: Any) -> tuple[Payout, list[PayoutLine]]:
	"""A settlement, and what Cashfree took for the transfer itself, such as an instant one."""
	payout_id = id_of(entity_of(entity, "settlement").get("cf_settlement_id"))
	currency = currency_of(entity.get("settlement_currency")) or "INR"
	minor = minor_of(entity.get("amount_settled"), exponent_of(currency))
	if not payout_id or minor is None:
		raise ValueError("a settlement without id or amount")
	payout = Payout(
		payout_id,
		currency,
		minor,
		_day(entity.get("settlement_date")) or _day(entity.get("settlement_initiated_on")),
		short_text(entity.get("settlement_utr")),
	)
	fee, tax = (_sum(entity, (name,), currency) for name in ("settlement_charge", "settlement_tax"))
	transfer = PayoutLine(payout_id, LineKind.FEE, 0, currency, f"settlement-{payout_id}", day=payout.paid_on)
	return payout, list(fee_lines(transfer, fee, tax))


def lines_of(event: Any) -> list[PayoutLine]:
	"""The lines of one event: a payment gross with its costs, anything else as it counts in the settlement."""
	kind = KINDS.get(short_text(entity_of(event, "event").get("event_type"), 40), LineKind.ADJUSTMENT)
	currency, row = currency_of(event.get("event_currency")) or "INR", id_of(event.get("event_id"))
	net = minor_of(event.get("event_settlement_amount"), exponent_of(currency))
	gross = minor_of(event.get("event_amount"), exponent_of(currency))
	if net is None or gross is None or not row:
		raise ValueError("an event without id or amount")
	sign = -1 if event.get("sale_type") == "DEBIT" else 1
	is_payment = kind is LineKind.CAPTURE
	line = PayoutLine(
		id_of(event.get("cf_settlement_id")) or "",
		kind,
		sign * abs(gross if is_payment else net),
		currency,
		f"{event.get('event_type')}-{row}",
		payment_id=id_of(event.get("cf_payment_id")),
		reference=short_text(event.get("order_id")),
		# Which of the two ids `event_id` is in a refund is not documented; ours is `refund_id`.
		refund_id=row if kind is LineKind.REFUND else None,
		refund_key=short_text(event.get("refund_id")) if kind is LineKind.REFUND else None,
		day=_day(event.get("event_time")),
		note=short_text(event.get("event_type"), 40),
		fee_stated=minor_of(event.get("payment_service_charge"), 2) is not None,
	)
	fee, tax = (_sum(event, names, currency) if is_payment else 0 for names in (FEES, TAXES))
	return list(with_costs(line, fee, tax, sign * abs(net)))


def _sum(entity: Mapping[str, Any], names: tuple[str, ...], currency: str) -> int:
	return sum(minor_of(entity.get(name), exponent_of(currency)) or 0 for name in names)


def _day(text: Any) -> date | None:
	moment = iso_time(text)
	if moment:
		return moment.date()
	day = iso_time(f"{text}T00:00:00Z") if isinstance(text, str) else None
	return day.date() if day else None
