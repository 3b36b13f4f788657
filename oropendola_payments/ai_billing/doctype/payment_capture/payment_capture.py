from datetime import datetime
from decimal import Decimal
from typing import Any

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.daily.marks import figures_changed
from oropendola_payments.ai_billing.records import SystemRecord
from oropendola_payments.money import to_decimal

CONTESTED = ("Open", "Lost")  # the bank may reverse the payment, or has done so
COUNTED = {"amount", "applied_amount", "captured_at"}
OF_CREDIT = {"resolution", "surplus", "credit_used", "amount_refunded"}


class PaymentCapture(SystemRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		amount: DF.Currency
		amount_refunded: DF.Currency
		applied_amount: DF.Currency
		attempt: DF.Link | None
		captured_at: DF.Datetime | None
		credit_from: DF.Link | None
		credit_used: DF.Currency
		credited_on: DF.Datetime | None
		currency: DF.Data
		disposition: DF.Literal["Applied", "Duplicate", "Overpaid", "Short", "Mismatch"]
		dispute_state: DF.Literal["", "Open", "Lost", "Won"]
		disputes: DF.SmallText | None
		gateway: DF.Data
		gateway_payment_id: DF.Data
		invoice: DF.Link
		note: DF.SmallText | None
		resolution: DF.Literal["", "Refund", "Credit", "Flag"]
		surplus: DF.Currency
		untold: DF.Check
		user: DF.Link | None
	# end: auto-generated types

	"""A captured payment as reported by a gateway."""

	system_fields = (
		"attempt",
		"invoice",
		"user",
		"gateway",
		"gateway_payment_id",
		"amount",
		"currency",
		"captured_at",
		"disposition",
		"applied_amount",
		"surplus",
		"resolution",
		"credited_on",
		"amount_refunded",
		"credit_used",
		"credit_from",
		"dispute_state",
		"disputes",
		"untold",
	)

	def refundable(self) -> Decimal:
		"""Return what can still be refunded: neither refunded, nor reserved for a refund, nor spent as credit."""
		taken = to_decimal(self.amount_refunded or 0) + to_decimal(self.credit_used or 0)
		return to_decimal(self.amount) - taken

	def credit_left(self) -> Decimal:
		if self.resolution != "Credit" or self.dispute_state in CONTESTED:
			return Decimal(0)
		return self.surplus_left()

	def surplus_left(self) -> Decimal:
		"""Return what is left of the surplus, be it credit or not decided about yet."""
		spent = to_decimal(self.credit_used or 0) + to_decimal(self.amount_refunded or 0)
		return max(Decimal(0), to_decimal(self.surplus or 0) - spent)

	def refunded_of_applied(self, refunded: Decimal) -> Decimal:
		return refunded_of_applied(self, refunded)

	def taken_back(self, refunded: Decimal) -> Decimal:
		return taken_back(self, refunded)

	def decide(self, resolution: str, surplus: Decimal) -> None:
		"""Note what becomes of the money that pays no invoice. The caller holds the lock."""
		kept = {"credited_on": now_datetime()} if resolution == "Credit" else {}
		self.write(resolution=resolution, surplus=surplus, **kept)

	def add(self) -> None:
		super().add()
		figures_changed([self.captured_at])

	def _update_row(self, values: dict, only_if: dict | None = None) -> bool:
		moments = [self.captured_at, self.credited_on]
		changed = super()._update_row(values, only_if)
		if changed and COUNTED & values.keys():
			figures_changed([*moments, self.captured_at, *self._refunded_on()])
		elif changed and OF_CREDIT & values.keys():
			figures_changed([*moments[1:], *self._refunded_on()])
		return changed

	def _refunded_on(self) -> list[datetime]:
		"""Return when something was refunded. How much of that had paid the invoice depends on the values of this payment."""
		if not self.amount_refunded:
			return []
		done = {"capture": self.name, "status": "Refunded"}
		return frappe.get_all("Payment Refund", done, pluck="completed_at")

	def mark_as_told(self) -> bool:
		"""Note that the customer was told. Return False if somebody else has done so."""
		return self._update_row({"untold": 0}, only_if={"untold": 1})


def refunded_of_applied(capture: Any, refunded: Decimal) -> Decimal:
	"""Return how much of a refunded amount comes out of what paid the invoice. The surplus is used up first."""
	unapplied = _unapplied(capture) - to_decimal(capture.credit_used or 0)
	return max(Decimal(0), refunded - max(Decimal(0), unapplied))


def taken_back(capture: Any, refunded: Decimal) -> Decimal:
	"""Return how much of what paid the invoice was taken back: refunded, or kept as credit of the customer.

	Credit stays a part of the surplus when it is spent or refunded, so that neither takes anything back a second time.
	"""
	gone = refunded + to_decimal(capture.credit_used or 0)
	if capture.resolution == "Credit":
		gone = max(gone, to_decimal(capture.surplus or 0))
	return max(Decimal(0), gone - _unapplied(capture))


def _unapplied(capture: Any) -> Decimal:
	return to_decimal(capture.amount) - to_decimal(capture.applied_amount or 0)


def on_doctype_update() -> None:
	frappe.db.add_unique("Payment Capture", ["gateway", "gateway_payment_id"], "one_fact_once")
