"""Stripe's payouts, balance transactions and the itemised payout reconciliation report."""

from datetime import datetime, timezone

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core.payouts import DISPUTE, PAYMENT, REFUND, Part, SettledPayout
from oropendola_payments.simulator.providers.stripe import wire

TYPES = {PAYMENT: "charge", REFUND: "refund", DISPUTE: "adjustment"}
CATEGORIES = {PAYMENT: "charge", REFUND: "refund", DISPUTE: "dispute"}


class PayoutApi:
	def payout_id(self, number: int) -> str:
		return f"po_Sim{number:014d}"

	def list_payouts(self, request: Request) -> Response:
		params = wire.read_form(request.args)
		window = params.get("created", {})
		since, until = (
			datetime.fromtimestamp(int(window.get(name, default)), timezone.utc)
			for name, default in (("gte", 0), ("lte", 1 << 33))
		)
		found = [self._payout(payout) for payout in reversed(self.payouts_between(since, until))]
		return self._page_of(params, found, "/v1/payouts")

	def list_transactions(self, request: Request) -> Response:
		params = wire.read_form(request.args)
		payout = next((p for p in self.payouts if p.payout_id == params.get("payout")), None)
		if payout is None:
			return self._missing("payout", params.get("payout", ""))
		rows = [self._transaction(payout, number, part) for number, part in enumerate(payout.parts)]
		own = {**rows[0], "id": f"txn_{payout.payout_id}", "type": "payout", "reporting_category": "payout"}
		own |= {
			"amount": -payout.minor,
			"net": -payout.minor,
			"fee": 0,
			"fee_details": [],
			"source": payout.payout_id,
		}
		return self._page_of(params, [own, *rows], "/v1/balance_transactions")

	@staticmethod
	def _payout(payout: SettledPayout) -> dict:
		now = int(payout.created_at.timestamp())
		return {
			"id": payout.payout_id,
			"object": "payout",
			"amount": payout.minor,
			"currency": payout.currency.lower(),
			"arrival_date": now,
			"created": now,
			"automatic": True,
			"status": "paid",
			"trace_id": {"status": "supported", "value": payout.bank_reference},
		}

	def _transaction(self, payout: SettledPayout, number: int, part: Part) -> dict:
		gross = part.minor if part.kind == PAYMENT else -part.minor
		return {
			"id": f"txn_{payout.payout_id}_{number}",
			"object": "balance_transaction",
			"amount": gross,
			"net": part.net,
			"fee": part.fee + part.tax,
			"fee_details": [
				{"amount": part.fee, "currency": payout.currency.lower(), "type": "stripe_fee"},
				{"amount": part.tax, "currency": payout.currency.lower(), "type": "tax"},
			],
			"currency": payout.currency.lower(),
			"created": int(part.created_at.timestamp()),
			"reporting_category": CATEGORIES[part.kind],
			"source": self._source(part),
			"status": "available",
			"type": TYPES[part.kind],
		}

	def _source(self, part: Part) -> dict:
		charge = self.ledger.find_charge(part.payment_id)
		if part.kind == REFUND:
			return wire.refund_object(self.ledger.find_refund(refund_id=part.part_id), charge)
		if part.kind == DISPUTE:
			return wire.dispute_object(charge, "lost", part.part_id)
		return wire.charge_object(charge)

	def report_rows(self, payout: SettledPayout) -> list[dict[str, str]]:
		def money(minor: int) -> str:
			return self.money(minor, payout.currency)

		return [
			{
				"automatic_payout_id": payout.payout_id,
				"automatic_payout_effective_at": payout.created_at.strftime("%Y-%m-%d %H:%M:%S"),
				"balance_transaction_id": f"txn_{payout.payout_id}_{number}",
				"created": part.created_at.strftime("%Y-%m-%d %H:%M:%S"),
				"currency": payout.currency.lower(),
				"gross": money(part.minor if part.kind == PAYMENT else -part.minor),
				"fee": money(part.fee + part.tax),
				"net": money(part.net),
				"reporting_category": CATEGORIES[part.kind],
				"source_id": part.part_id,
				"payment_intent_id": part.payment_id,
				"customer_email": "payer@example.com",
			}
			for number, part in enumerate(payout.parts)
		]
