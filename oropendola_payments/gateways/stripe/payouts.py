"""Stripe's automatic payouts and their balance transactions.

https://docs.stripe.com/api/balance_transactions/list, https://docs.stripe.com/reports/balance-transaction-types and the
itemised *Payout reconciliation* report.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from typing import Any

from oropendola_payments.gateways.parsing import (
	entity_of,
	entries_in,
	matching,
	member,
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
from oropendola_payments.gateways.stripe.client import LABEL, Client
from oropendola_payments.gateways.stripe.mapping import ID, REFUND_KEY, id_of

KINDS: Mapping[str | None, LineKind] = {
	**dict.fromkeys(("charge", "payment"), LineKind.CAPTURE),
	**dict.fromkeys(
		("refund", "payment_refund", "refund_failure", "payment_failure_refund"), LineKind.REFUND
	),
	**dict.fromkeys(("dispute", "dispute_reversal"), LineKind.DISPUTE),
	**dict.fromkeys(("stripe_fee", "fee", "network_cost"), LineKind.FEE),
	"tax_fee": LineKind.TAX,
	"tax": LineKind.TAX,
	**dict.fromkeys(
		("reserve_transaction", "reserved_funds", "reserve_hold", "reserve_release"), LineKind.RESERVE
	),
	**dict.fromkeys(("payout_minimum_balance_hold", "payout_minimum_balance_release"), LineKind.RESERVE),
	**dict.fromkeys(("risk_reserved_funds", "payout_minimum_balance"), LineKind.RESERVE),
}
SENT = ("in_transit", "paid")
OWN = ("payout", "payout_cancel")  # the transfer itself, which the list contains too
FILE = FileMapping(
	columns={
		"payout_id": "automatic_payout_id",
		"paid_on": "automatic_payout_effective_at",
		"kind": "reporting_category",
		"row": "balance_transaction_id",
		"payment_id": "payment_intent_id",
		"refund_id": "source_id",
		"amount": "gross",
		"fee": "fee",
		"net": "net",
		"currency": "currency",
		"own_amount": "customer_facing_amount",
		"own_currency": "customer_facing_currency",
		"day": "created",
	},
	kinds={
		**{word: kind.value for word, kind in KINDS.items() if word},
		"payout": "Ignore",
		"*": "Adjustment",
	},
	signed_amounts=True,
)


def fetch(client: Client, since: datetime, until: datetime) -> PayoutSource:
	"""The payouts made in this time that were sent. Stripe tells the transactions of automatic payouts only."""
	window = {"gte": int(since.timestamp()), "lte": int(until.timestamp())}
	for entity in client.payouts({"created": window}):
		# What fails later comes back as a line of another payout.
		if entity.get("status") not in SENT:
			continue
		payout = read_entity(LABEL, payout_of, entity)
		yield payout
		for transaction in client.balance_transactions(payout.payout_id):
			yield from read_entity(LABEL, partial(lines_of, payout), transaction)


def payout_of(entity: Any) -> Payout:
	payout_id, minor = matching(ID, entity_of(entity, "payout").get("id")), whole_number(entity.get("amount"))
	currency = short_text(entity.get("currency"), 3)
	if not payout_id or minor is None or not currency:
		raise ValueError("a payout without id, amount or currency")
	trace = short_text(member(entity, "trace_id", "value"))
	return Payout(payout_id, currency.upper(), minor, _day(entity.get("arrival_date")), trace)


def lines_of(payout: Payout, entry: Any) -> list[PayoutLine]:
	"""The lines of one balance transaction; none for the payout itself."""
	word = short_text(entity_of(entry, "balance transaction").get("type"))
	if word in OWN:
		return []
	amount, net, row = (
		whole_number(entry.get("amount")),
		whole_number(entry.get("net")),
		matching(ID, entry.get("id")),
	)
	currency, source = short_text(entry.get("currency"), 3), entry.get("source")
	if amount is None or net is None or not row or not currency:
		raise ValueError("a balance transaction without id, amount, net or currency")
	kind = KINDS.get(word) or KINDS.get(short_text(entry.get("reporting_category")), LineKind.ADJUSTMENT)
	tax = sum(
		whole_number(cost.get("amount")) or 0
		for cost in entries_in(entry.get("fee_details"))
		if cost.get("type") == "tax"
	)
	line = PayoutLine(
		payout.payout_id,
		kind,
		amount,
		currency.upper(),
		row,
		**_ids(kind, source),
		**_own(source, amount, currency),
		day=_day(entry.get("created")),
		note=word,
		fee_stated=whole_number(entry.get("fee")) is not None,
	)
	return list(with_costs(line, amount - net - tax, tax))


def _ids(kind: LineKind, source: Any) -> dict[str, Any]:
	payment = id_of(member(source, "payment_intent")) or id_of(member(source, "charge"))
	if kind is LineKind.CAPTURE:
		return {"payment_id": payment or id_of(source)}
	if kind is LineKind.REFUND:
		key = short_text(member(source, "metadata", REFUND_KEY))
		return {"payment_id": payment, "refund_id": id_of(source), "refund_key": key}
	return {"payment_id": payment}


def _own(source: Any, amount: int, currency: str) -> dict[str, Any]:
	"""What the customer paid, where Stripe converted it into the currency of the payout."""
	own, minor = short_text(member(source, "currency"), 3), whole_number(member(source, "amount"))
	if not own or minor is None or own.upper() == currency.upper():
		return {}
	return {"own_minor": minor if amount >= 0 else -minor, "own_currency": own.upper()}


def _day(seconds: Any) -> date | None:
	moment = unix_time(seconds)
	return moment.date() if moment else None
