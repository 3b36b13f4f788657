"""PayU's settlements: https://docs.payu.in/reference/settlement-reconciliation-api and the Settlement Report of its dashboard.

The API answers in production only.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from oropendola_payments.gateways.parsing import entity_of, entries_in, local_time, read_entity
from oropendola_payments.gateways.payouts import (
	FileMapping,
	LineKind,
	Payout,
	PayoutLine,
	PayoutSource,
	gives_back,
	minor_of,
	with_costs,
)
from oropendola_payments.gateways.payu.client import LABEL, Client
from oropendola_payments.gateways.payu.mapping import CURRENCY, INDIA, text_of

DECIMALS = 2
FILE = FileMapping(
	columns={
		"payout_id": "settlement id|utr|utr number|merchant utr",
		"paid_on": "settlement completed date|settlement date|settled on",
		"bank_reference": "utr number|utr|merchant utr",
		"kind": "action|transaction type",
		"payment_id": "payu id",
		"reference": "merchant transaction id|transaction id|txnid",
		"refund_id": "request id",
		"amount": "requested amount|transaction amount|amount",
		"fee": "total processing fee|merchant service fee|service fee",
		"tax": "total service tax|merchant service tax|igst+cgst+sgst",
		"net": "merchant net amount|net amount",
		"currency": "settlement currency",
		"day": "request date|transaction date",
	},
	kinds={
		"capture": "Capture",
		"refund": "Refund",
		"chargeback": "Dispute",
		"chargeback_reversal": "Dispute",
		"*": "Adjustment",
	},
	currency="INR",
	date_order="Day first",
)


def fetch(client: Client, since: datetime, until: datetime) -> PayoutSource:
	"""The settlements of each day in India of this time."""
	day, last = since.astimezone(INDIA).date(), until.astimezone(INDIA).date()
	while day <= last:
		for settlement in client.settlements(day):
			payout = read_entity(LABEL, payout_of, settlement)
			yield payout
			for entry in entries_in(settlement.get("transaction")):
				yield from read_entity(LABEL, partial(lines_of, payout), entry)
		day += timedelta(days=1)


def payout_of(settlement: Any) -> Payout:
	payout_id = text_of(entity_of(settlement, "settlement").get("settlementId"), 64)
	minor = minor_of(settlement.get("settlementAmount"), DECIMALS)
	if not payout_id or minor is None:
		raise ValueError("a settlement without id or amount")
	paid_on = _day(settlement.get("settlementCompletedDate"))
	return Payout(payout_id, CURRENCY, minor, paid_on, text_of(settlement.get("utrNumber"), 64) or None)


def lines_of(payout: Payout, entry: Any) -> list[PayoutLine]:
	"""The lines of one transaction: a capture gross with its costs, anything else as it counts in the settlement."""
	kind = _kind(text_of(entity_of(entry, "transaction").get("action")).lower())
	net = minor_of(entry.get("merchantNetAmount"), DECIMALS)
	payment_id, request_id = text_of(entry.get("payuId"), 64), text_of(entry.get("requestId"), 64)
	gross = minor_of(entry.get("requestedAmount") or entry.get("transactionAmount"), DECIMALS)
	if net is None or gross is None or not payment_id:
		raise ValueError("a transaction without id or amount")
	line = PayoutLine(
		payout.payout_id,
		kind,
		_effect(kind, gross, net, text_of(entry.get("action"))),
		CURRENCY,
		f"{text_of(entry.get('action'))}-{payment_id}-{request_id}",
		payment_id=payment_id,
		reference=text_of(entry.get("merchantTransactionId"), 64) or None,
		refund_id=request_id or None if kind is LineKind.REFUND else None,
		day=_day(entry.get("transactionDate")),
		note=text_of(entry.get("action"), 40) or None,
		fee_stated=_cost(entry, "totalProcessingFee", "merchantServiceFee") is not None,
	)
	if kind is not LineKind.CAPTURE:
		return [line]
	fee, tax = (
		_cost(entry, *names) or 0
		for names in (("totalProcessingFee", "merchantServiceFee"), ("totalServiceTax", "merchantServiceTax"))
	)
	return list(with_costs(line, fee, tax, net))


def _kind(action: str) -> LineKind:
	known = {"capture": LineKind.CAPTURE, "refund": LineKind.REFUND}
	return known.get(action) or (LineKind.DISPUTE if "chargeback" in action else LineKind.ADJUSTMENT)


def _effect(kind: LineKind, gross: int, net: int, action: str) -> int:
	"""What a transaction adds. Whether PayU writes a minus is not documented; a refund and a chargeback always take away."""
	if kind is LineKind.CAPTURE or gives_back(action):
		return abs(gross if kind is LineKind.CAPTURE else net)
	return -abs(net) if kind in (LineKind.REFUND, LineKind.DISPUTE) else net


def _cost(entry: Mapping[str, Any], *names: str) -> int | None:
	return next((cost for name in names if (cost := minor_of(entry.get(name), DECIMALS)) is not None), None)


def _day(value: Any) -> date | None:
	moment = local_time(text_of(value), INDIA)
	return moment.date() if moment else None
