"""Cashfree's settlements, their events and the Settlement Recon report."""

from datetime import datetime

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core.payouts import PAYMENT, Part, SettledPayout
from oropendola_payments.simulator.providers.cashfree import wire


class SettlementApi:
	def payout_id(self, number: int) -> str:
		return str(4_000_000 + number)

	def settlements(self, request: Request) -> Response:
		return self.auth_error(request) or self._page(
			request, [self._settlement(p) for p in self._wanted(request)]
		)

	def settlement_recon(self, request: Request) -> Response:
		error = self.auth_error(request)
		if error:
			return error
		return self._page(request, [self._event(p, part) for p in self._wanted(request) for part in p.parts])

	def _wanted(self, request: Request) -> list[SettledPayout]:
		filters = self.json_object(request).get("filters", {})
		since, until = (
			datetime.fromisoformat(filters[name].replace("Z", "+00:00"))
			for name in ("start_date", "end_date")
		)
		return self.payouts_between(since, until)

	def _page(self, request: Request, entries: list[dict]) -> Response:
		pagination = self.json_object(request).get("pagination", {})
		start, limit = int(pagination.get("cursor") or 0), int(pagination.get("limit") or 10)
		page = entries[start : start + limit]
		cursor = str(start + limit) if start + limit < len(entries) else None
		return self.amounts_response({"cursor": cursor, "limit": len(page), "data": page})

	@staticmethod
	def _settlement(payout: SettledPayout) -> dict:
		return {
			"cf_settlement_id": payout.payout_id,
			"entity": "settlement",
			"status": "SUCCESS",
			"amount_settled": wire.json_number(payout.minor, payout.currency),
			"settlement_charge": 0,
			"settlement_tax": 0,
			"settlement_utr": payout.bank_reference,
			"settlement_date": payout.created_at.isoformat(timespec="seconds"),
		}

	@staticmethod
	def _event(payout: SettledPayout, part: Part) -> dict:
		def number(minor: int):
			return wire.json_number(minor, payout.currency)

		return {
			"event_id": part.part_id,
			"entity": "recon",
			"event_type": part.kind.upper(),
			"sale_type": "CREDIT" if part.kind == PAYMENT else "DEBIT",
			"event_time": part.created_at.isoformat(timespec="seconds"),
			"event_settlement_amount": number(abs(part.net)),
			"event_amount": number(part.minor),
			"event_status": "SUCCESS",
			"event_currency": payout.currency,
			"order_id": part.reference,
			"customer_email": "payer@example.com",
			"cf_payment_id": part.payment_id,
			"payment_service_charge": number(part.fee),
			"payment_service_tax": number(part.tax),
			"cf_settlement_id": payout.payout_id,
			"settlement_utr": payout.bank_reference,
			"settlement_date": payout.created_at.isoformat(timespec="seconds"),
			"refund_id": part.key or None,
		}

	def report_rows(self, payout: SettledPayout) -> list[dict[str, str]]:
		def money(minor: int) -> str:
			return self.money(minor, payout.currency)

		return [
			{
				"Event ID": part.part_id,
				"Event Type": part.kind.upper(),
				"Sale Type": "CREDIT" if part.kind == PAYMENT else "DEBIT",
				"Event Time": part.created_at.strftime("%Y-%m-%d %H:%M:%S"),
				"Event Settlement Amount": money(abs(part.net)),
				"Event Amount": money(part.minor),
				"Event Currency": payout.currency,
				"Order ID": part.reference,
				"Customer Phone": "9999999999",
				"CF Payment ID": part.payment_id,
				"Payment Service Charge": money(part.fee),
				"Payment Service Tax": money(part.tax),
				"CF Settlement ID": payout.payout_id,
				"Settlement UTR": payout.bank_reference,
				"Settlement Date": payout.created_at.strftime("%Y-%m-%d %H:%M:%S"),
				"Refund ID": part.key,
			}
			for part in payout.parts
		]
