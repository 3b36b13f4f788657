"""Razorpay's settlements and the recon list. https://razorpay.com/docs/api/settlements/fetch-recon"""

from datetime import datetime, timedelta, timezone

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core.payouts import PAYMENT, Part, SettledPayout

INDIA = timezone(timedelta(hours=5, minutes=30))


class SettlementApi:
	def payout_id(self, number: int) -> str:
		return f"setl_Sim{number:011d}"

	def settlements(self, request: Request) -> Response:
		since, until = (
			datetime.fromtimestamp(int(request.args[name]), timezone.utc) for name in ("from", "to")
		)
		found = [self._settlement(payout) for payout in reversed(self.payouts_between(since, until))]
		return self._list(request, found)

	def recon(self, request: Request) -> Response:
		day = tuple(int(request.args[name]) for name in ("year", "month", "day"))
		rows = []
		for payout in self.payouts:
			local = payout.created_at.astimezone(INDIA)
			if (local.year, local.month, local.day) == day:
				rows += [self._entry(payout, part) for part in payout.parts]
		skip, count = request.args.get("skip", 0, int), request.args.get("count", 10, int)
		page = rows[skip : skip + min(count, 1000)]
		return self.json_response({"entity": "collection", "count": len(page), "items": page})

	def _settlement(self, payout: SettledPayout) -> dict:
		return {
			"id": payout.payout_id,
			"entity": "settlement",
			"amount": payout.minor,
			"status": "processed",
			"fees": 0,
			"tax": 0,
			"utr": payout.bank_reference,
			"created_at": int(payout.created_at.timestamp()),
		}

	@staticmethod
	def _entry(payout: SettledPayout, part: Part) -> dict:
		is_payment = part.kind == PAYMENT
		return {
			"entity_id": part.part_id,
			"type": part.kind,
			"debit": 0 if is_payment else -part.net,
			"credit": part.net if is_payment else 0,
			"amount": part.minor,
			"currency": payout.currency,
			"fee": part.fee + part.tax,
			"tax": part.tax,
			"on_hold": False,
			"settled": True,
			"created_at": int(part.created_at.timestamp()),
			"settled_at": int(payout.created_at.timestamp()),
			"settlement_id": payout.payout_id,
			"payment_id": None if is_payment else part.payment_id,
			"settlement_utr": payout.bank_reference,
			"notes": "",
		}

	def report_rows(self, payout: SettledPayout) -> list[dict[str, str]]:
		def money(minor: int) -> str:
			return self.money(minor, payout.currency)

		return [
			{
				"transaction_entity": part.kind,
				"entity_id": part.part_id,
				"amount": money(part.minor),
				"currency": payout.currency,
				"fee (exclusive tax)": money(part.fee),
				"tax": money(part.tax),
				"debit": money(0 if part.kind == PAYMENT else -part.net),
				"credit": money(part.net if part.kind == PAYMENT else 0),
				"payment_id": "" if part.kind == PAYMENT else part.payment_id,
				"payer_email": "payer@example.com",
				"settlement_id": payout.payout_id,
				"settled_at": payout.created_at.astimezone(INDIA).strftime("%d/%m/%Y %H:%M:%S"),
				"settlement_utr": payout.bank_reference,
			}
			for part in payout.parts
		]
