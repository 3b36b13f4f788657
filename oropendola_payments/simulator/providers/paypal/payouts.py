"""PayPal's transaction search, in which a payout is a withdrawal, and the activity download."""

from datetime import datetime

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core.amounts import to_text
from oropendola_payments.simulator.core.payouts import DISPUTE, PAYMENT, REFUND, Part, SettledPayout
from oropendola_payments.simulator.providers.paypal import wire

CODES = {PAYMENT: "T0006", REFUND: "T1107", DISPUTE: "T1201"}
WORDS = {PAYMENT: "Express Checkout Payment", REFUND: "Payment Refund", DISPUTE: "Chargeback"}


class ReportingApi:
	def payout_id(self, number: int) -> str:
		return f"WD{number:015d}"

	def transactions(self, request: Request) -> Response:
		return self.guarded(request, lambda: self._transactions(request))

	def _transactions(self, request: Request) -> Response:
		since, until = (
			datetime.fromisoformat(request.args[name].replace("Z", "+00:00"))
			for name in ("start_date", "end_date")
		)
		wanted = [
			entry
			for entry in self._movements()
			if since.timestamp() - 1 < entry.pop("at").timestamp() < until.timestamp() + 1
		]
		size, page = request.args.get("page_size", 100, int), request.args.get("page", 1, int)
		pages = max(1, -(-len(wanted) // size))
		return self.json_response(
			{
				"transaction_details": wanted[(page - 1) * size : page * size],
				"page": page,
				"total_pages": pages,
			}
		)

	def _movements(self) -> list[dict]:
		"""Everything that changed the balance, each with the balance after it. A payout empties the account."""
		balances: dict[str, int] = {}
		found = []
		for payout in self.payouts:
			for part in payout.parts:
				balances[payout.currency] = balances.get(payout.currency, 0) + part.net
				found.append(self._movement(payout, part, balances[payout.currency]))
			balances[payout.currency] -= payout.minor
			found.append(self._withdrawal(payout, balances[payout.currency]))
		return found

	def _movement(self, payout: SettledPayout, part: Part, balance: int) -> dict:
		gross = part.minor if part.kind == PAYMENT else -part.minor
		info = {
			"transaction_id": part.part_id,
			"transaction_event_code": CODES[part.kind],
			"transaction_initiation_date": _time(part.created_at),
			"transaction_amount": _money(gross, payout.currency),
			"fee_amount": _money(-part.fee - part.tax, payout.currency),
			"transaction_status": "S",
			"custom_field": part.reference,
			"ending_balance": _money(balance, payout.currency),
		}
		if part.kind != PAYMENT:
			info |= {"paypal_reference_id": part.payment_id, "paypal_reference_id_type": "TXN"}
		return {"transaction_info": info, "at": part.created_at}

	def _withdrawal(self, payout: SettledPayout, balance: int) -> dict:
		info = {
			"transaction_id": payout.payout_id,
			"transaction_event_code": "T0400",
			"transaction_initiation_date": _time(payout.created_at),
			"transaction_amount": _money(-payout.minor, payout.currency),
			"transaction_status": "S",
			"bank_reference_id": payout.bank_reference,
			"ending_balance": _money(balance, payout.currency),
		}
		return {"transaction_info": info, "at": payout.created_at}

	def report_rows(self, payout: SettledPayout) -> list[dict[str, str]]:
		rows = [
			{
				**self._row(
					payout, part.created_at, WORDS[part.kind], part.part_id, part.net, part.fee + part.tax
				),
				"Reference Txn ID": "" if part.kind == PAYMENT else part.payment_id,
			}
			for part in payout.parts
		]
		return [
			*rows,
			self._row(payout, payout.created_at, "General Withdrawal", payout.payout_id, -payout.minor, 0),
		]

	@staticmethod
	def _row(
		payout: SettledPayout, at: datetime, word: str, row_id: str, net: int, fee: int
	) -> dict[str, str]:
		decimals = 0 if payout.currency in wire.WITHOUT_DECIMALS else 2
		return {
			"Date": at.strftime("%m/%d/%Y"),
			"Name": "A Payer",
			"Type": word,
			"Status": "Completed",
			"Currency": payout.currency,
			"Gross": to_text(net + fee, payout.currency, decimals),
			"Fee": to_text(-fee, payout.currency, decimals),
			"Net": to_text(net, payout.currency, decimals),
			"From Email Address": "payer@example.com",
			"Transaction ID": row_id,
		}


def _money(minor: int, currency: str) -> dict:
	decimals = 0 if currency in wire.WITHOUT_DECIMALS else 2
	return {"currency_code": currency, "value": to_text(minor, currency, decimals)}


def _time(moment: datetime) -> str:
	return moment.strftime("%Y-%m-%dT%H:%M:%S+0000")
