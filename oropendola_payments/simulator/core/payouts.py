"""What a simulated gateway pays out: what it took since the last payout, less refunds, lost disputes and its fees.

Fees are 2 % and the tax on them 18 %, unless `payout_fee` and `payout_tax` (in basis points) are configured otherwise.
"""

import csv
import io
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core.amounts import to_text
from oropendola_payments.simulator.core.ledger import CAPTURED, REFUNDED, Charge, Refund

PAYMENT, REFUND, DISPUTE = "payment", "refund", "dispute"


@dataclass
class Part:
	"""One row of a payout. `minor` is what was taken or given back, never less than 0."""

	kind: str
	part_id: str
	payment_id: str
	reference: str
	minor: int
	fee: int
	tax: int
	created_at: datetime
	key: str = ""

	@property
	def net(self) -> int:
		return (1 if self.kind == PAYMENT else -1) * self.minor - self.fee - self.tax


@dataclass
class SettledPayout:
	payout_id: str
	currency: str
	bank_reference: str
	created_at: datetime
	parts: list[Part] = field(default_factory=list)

	@property
	def minor(self) -> int:
		return sum(part.net for part in self.parts)


class Payouts:
	"""Makes payouts and writes the report that a merchant downloads. Mixed into `Provider`."""

	payout_defaults: ClassVar[dict] = {"payout_fee": 200, "payout_tax": 1800}

	def start_payouts(self) -> None:
		self.payouts: list[SettledPayout] = []
		self._settled: set[str] = set()
		self._lost: list[Charge] = []

	def lose_dispute(self, charge: Charge) -> None:
		self._lost.append(charge)

	def settle(self) -> list[SettledPayout]:
		"""Pay out all that is not paid out yet, in one payout for each currency."""
		made: dict[str, SettledPayout] = {}
		for charge in self.ledger.charges:
			if charge.state == CAPTURED and self._is_new(charge.payment_id):
				self._payout_in(made, charge.currency).parts.append(self._payment_part(charge))
		for refund in self.ledger.refunds:
			was_taken = self.ledger.find_charge(refund.payment_id).state == CAPTURED
			if was_taken and refund.state == REFUNDED and self._is_new(f"refund {refund.refund_id}"):
				self._payout_in(made, refund.currency).parts.append(self._refund_part(refund))
		for charge in self._lost:
			self._payout_in(made, charge.currency).parts.append(self._dispute_part(charge))
		self._lost.clear()
		for payout in made.values():
			payout.parts.sort(key=lambda part: part.created_at)
		self.payouts += made.values()
		return list(made.values())

	def _is_new(self, part_id: str) -> bool:
		is_new = part_id not in self._settled
		self._settled.add(part_id)
		return is_new

	def _payout_in(self, made: dict[str, SettledPayout], currency: str) -> SettledPayout:
		if currency not in made:
			number = self.ledger.next_number()
			made[currency] = SettledPayout(
				self.payout_id(number), currency, f"SIMUTR{number:010d}", self.clock.now()
			)
		return made[currency]

	def payout_id(self, number: int) -> str:
		return f"{number:012d}"

	def _payment_part(self, charge: Charge) -> Part:
		fee = self._payout_share(charge.amount_minor, "payout_fee")
		tax = self._payout_share(fee, "payout_tax")
		return Part(
			PAYMENT, charge.payment_id, charge.payment_id, charge.reference, charge.amount_minor, fee, tax,
			charge.created_at,
		)  # fmt: skip

	def _payout_share(self, minor: int, name: str) -> int:
		return (minor * int(self.config[name]) + 5000) // 10000

	@staticmethod
	def _refund_part(refund: Refund) -> Part:
		return Part(
			REFUND, refund.refund_id, refund.payment_id, refund.reference, refund.amount_minor, 0, 0,
			refund.created_at, refund.key,
		)  # fmt: skip

	def _dispute_part(self, charge: Charge) -> Part:
		number = f"dispute{self.ledger.next_number():010d}"
		return Part(
			DISPUTE, number, charge.payment_id, charge.reference, charge.amount_minor, 0, 0, self.clock.now()
		)

	def payouts_between(self, since: datetime, until: datetime) -> list[SettledPayout]:
		"""By whole seconds, as providers keep times."""
		return [
			p
			for p in self.payouts
			if since.timestamp() - 1 < p.created_at.timestamp() <= until.timestamp() + 1
		]

	# The report -------------------------------------------------------------------------------------

	def report_rows(self, payout: SettledPayout) -> list[dict[str, str]]:
		"""The rows of the downloaded report under the provider's own headings."""
		raise NotImplementedError

	def download_report(self, request: Request, payout_id: str) -> Response:
		payout = next((p for p in self.payouts if p.payout_id == payout_id), None)
		if payout is None:
			return self.text_response("No such payout", 404)
		headers = {"Content-Disposition": f'attachment; filename="{self.code}-{payout_id}.csv"'}
		answer = self.text_response(self.report(payout), 200, "text/csv")
		answer.headers.extend(headers)
		return answer

	def report(self, *payouts: SettledPayout) -> str:
		rows = [row for payout in payouts for row in self.report_rows(payout)]
		text = io.StringIO()
		writer = csv.DictWriter(text, list(rows[0]) if rows else ["empty"])
		writer.writeheader()
		writer.writerows(rows)
		return text.getvalue()

	@staticmethod
	def money(minor: int, currency: str) -> str:
		return to_text(minor, currency)
