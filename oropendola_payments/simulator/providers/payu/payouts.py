"""PayU's settlements by day, and the Settlement Report of its dashboard."""

from oropendola_payments.simulator.core.amounts import to_text
from oropendola_payments.simulator.core.payouts import DISPUTE, PAYMENT, REFUND, Part, SettledPayout
from oropendola_payments.simulator.providers.payu import wire

ACTIONS = {PAYMENT: "capture", REFUND: "refund", DISPUTE: "chargeback"}
PER_PAGE = 50


class SettlementReports:
	"""Mixed into the provider; the command itself is in `commands`."""

	def payout_id(self, number: int) -> str:
		return f"{8599910 + number}202601011245"

	def settlements_of(self, first: str, last: str, page: int) -> list[dict]:
		found = [p for p in self.payouts if first <= wire.indian_time(p.created_at)[:10] <= last]
		return [self._settlement(payout) for payout in found[(page - 1) * PER_PAGE : page * PER_PAGE]]

	def _settlement(self, payout: SettledPayout) -> dict:
		return {
			"settlementId": payout.payout_id,
			"settlementCompletedDate": wire.indian_time(payout.created_at),
			"settlementAmount": to_text(payout.minor, "INR"),
			"merchantId": 12345,
			"utrNumber": payout.bank_reference,
			"transaction": [self._transaction(part) for part in payout.parts],
		}

	@staticmethod
	def _transaction(part: Part) -> dict:
		return {
			"action": ACTIONS[part.kind],
			"payuId": part.payment_id,
			"requestId": part.part_id if part.kind == REFUND else "",
			"transactionAmount": to_text(part.minor, "INR"),
			"requestedAmount": to_text(part.minor, "INR"),
			"merchantServiceFee": f"{to_text(part.fee, 'INR')}000",
			"merchantServiceTax": f"{to_text(part.tax, 'INR')}000",
			"merchantNetAmount": to_text(part.net, "INR"),
			"merchantTransactionId": part.reference,
			"transactionDate": wire.indian_time(part.created_at),
			"totalServiceTax": f"{to_text(part.tax, 'INR')}000",
			"totalProcessingFee": f"{to_text(part.fee, 'INR')}000",
			"transactionCurrency": "INR",
			"settlementCurrency": "INR",
		}

	def report_rows(self, payout: SettledPayout) -> list[dict[str, str]]:
		return [
			{
				"Settlement ID": payout.payout_id,
				"Settlement Date": wire.indian_time(payout.created_at),
				"UTR Number": payout.bank_reference,
				"Action": ACTIONS[part.kind],
				"PayU ID": part.payment_id,
				"Merchant Transaction ID": part.reference,
				"Request ID": part.part_id if part.kind == REFUND else "",
				"Customer Email": "payer@example.com",
				"Transaction Amount": to_text(part.minor, "INR"),
				"Merchant Service Fee": to_text(part.fee, "INR"),
				"Merchant Service Tax": to_text(part.tax, "INR"),
				"Merchant Net Amount": to_text(part.net, "INR"),
			}
			for part in payout.parts
		]
