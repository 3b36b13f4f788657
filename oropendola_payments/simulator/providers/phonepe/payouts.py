"""PhonePe's settlement report. Its fees and taxes have a minus. https://developer.phonepe.com/docs/settlement"""

from oropendola_payments.simulator.core.amounts import to_text
from oropendola_payments.simulator.core.payouts import PAYMENT, REFUND, SettledPayout


class SettlementReport:
	def payout_id(self, number: int) -> str:
		return f"SIMPP{number:012d}"

	def report_rows(self, payout: SettledPayout) -> list[dict[str, str]]:
		return [
			{
				"PaymentType": part.kind.upper(),
				"MerchantReferenceId": part.key if part.kind == REFUND else part.reference,
				"PhonePeReferenceId": part.part_id,
				"From": "A Payer",
				"Instrument": "UPI_REDEMPTION",
				"CreationDate": part.created_at.strftime("%d-%m-%Y"),
				"TransactionDate": part.created_at.strftime("%d-%m-%Y"),
				"SettlementDate": payout.created_at.strftime("%d-%m-%Y"),
				"BankReferenceNo": payout.payout_id,
				"Amount": to_text(part.minor if part.kind == PAYMENT else -part.minor, "INR"),
				"Fee": to_text(-part.fee, "INR"),
				"IGST": to_text(-part.tax, "INR"),
				"CGST": "0.00",
				"SGST": "0.00",
			}
			for part in payout.parts
		]
