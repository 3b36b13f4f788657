"""A made-up remittance report: Cashflows describes its own only to its merchants."""

from oropendola_payments.simulator.core.payouts import DISPUTE, PAYMENT, REFUND, SettledPayout

WORDS = {PAYMENT: "Sale", REFUND: "Refund", DISPUTE: "Chargeback"}


class RemittanceReport:
	def payout_id(self, number: int) -> str:
		return f"REM{number:09d}"

	def report_rows(self, payout: SettledPayout) -> list[dict[str, str]]:
		return [
			{
				"Remittance": payout.payout_id,
				"Remitted": payout.created_at.strftime("%Y-%m-%d"),
				"Type": WORDS[part.kind],
				"Payment": part.payment_id,
				"Refund": part.part_id if part.kind == REFUND else "",
				"Currency": payout.currency,
				"Gross": self.money(part.minor, payout.currency),
				"Charge": self.money(part.fee, payout.currency),
				"VAT": self.money(part.tax, payout.currency),
			}
			for part in payout.parts
		]
