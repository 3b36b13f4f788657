"""What an invoice knows about being paid in parts. The base of the AI Invoice's controller."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import frappe
from frappe import _
from frappe.model.document import Document

from oropendola_payments.ai_billing import document_states
from oropendola_payments.ai_billing.audited import Audited
from oropendola_payments.ai_billing.current import current
from oropendola_payments.exceptions import Conflict, NotAllowed
from oropendola_payments.money import quantize, to_decimal

PERIODS = ("New", "Renewal")  # purposes of an invoice that buys days of service


class PaidInParts(Audited):
	if TYPE_CHECKING:
		amount_credited: float | Decimal
		amount_paid: float | Decimal
		amount_refunded: float | Decimal
		covered_days: int
		currency: str
		instalment_plan: str | None
		part_payments: int
		part_service: str
		plan: str | None
		purpose: str
		subscription: str | None
		tax_amount: float | Decimal
		total_amount: float | Decimal

	def validate_parts(self) -> None:
		"""Refuse to edit the schedule, and to change what parts buy once one of them was paid."""
		before = self.get_doc_before_save()
		if not before:
			return
		if _schedule(before) != _schedule(self):
			message = _("The parts of an invoice cannot be edited. The customer chooses them at checkout.")
			frappe.throw(message, NotAllowed)
		if self.paid() and self.has_value_changed("part_service"):
			message = _(
				"A part of this invoice is paid already, so Service While Partly Paid can no longer be changed."
			)
			frappe.throw(message, Conflict)

	def without_schedule(self) -> dict:
		"""Delete the parts if they no longer add up to a changed price, and return what to write. The customer chooses again."""
		if not self.instalment_plan or self._parts_add_up():
			return {}
		frappe.db.delete("AI Invoice Part", {"parent": self.name, "parenttype": self.doctype})
		service = current("AI Plan", self.plan).part_service if self.plan else None
		return {"instalment_plan": None, "tolerance_days": 0, "part_service": service or "Full"}

	def _parts_add_up(self) -> bool:
		filters = {"parent": self.name, "parenttype": self.doctype}
		rows = frappe.get_all("AI Invoice Part", filters, ["amount", "tax_share"])
		sums = (sum(to_decimal(row[name] or 0) for row in rows) for name in ("amount", "tax_share"))
		return tuple(sums) == (self.total(), quantize(self.tax_amount or 0, self.currency))

	def total(self) -> Decimal:
		return quantize(self.total_amount or 0, self.currency)

	def paid(self) -> Decimal:
		return quantize(self.amount_paid or 0, self.currency)

	def kept(self) -> Decimal:
		"""Return what was paid and not refunded."""
		return self.paid() - quantize(self.amount_refunded or 0, self.currency)

	def sold(self) -> Decimal:
		"""Return the total, or what was paid of an invoice whose rest was given up."""
		return min(self.total(), self.paid())

	def paid_again(self) -> Decimal:
		"""Return how much was due again because it was refunded, and was then paid a second time."""
		return max(Decimal(0), self.paid() - self.total())

	def refunded_of_sale(self) -> Decimal:
		"""Return how much of what was sold went back. A part that was paid again took nothing back."""
		refunded = quantize(self.amount_refunded or 0, self.currency)
		return max(Decimal(0), refunded - self.paid_again())

	def taken_back(self) -> Decimal:
		"""Return how much of what was sold was taken back, be it refunded or kept as credit: what credit notes have to be for."""
		return self.refunded_of_sale() + quantize(self.amount_credited or 0, self.currency)

	def counted(self) -> Decimal:
		"""Return what counts towards the total. Refunded parts are due again, unless they have bought days of service."""
		return self.paid() if self.covered_days else self.kept()

	def buys_days(self) -> bool:
		"""Return whether each part is served at once for its share of the period."""
		return self.part_service == "Covered Days" and bool(self.subscription) and self.purpose in PERIODS

	def mark_as_partly_paid(self, amount_paid: Decimal, **values: Any) -> bool:
		given_back = 0 if self.covered_days else quantize(self.amount_refunded or 0, self.currency)
		return self._move_to(
			"Partly Paid",
			amount_paid=amount_paid,
			outstanding_amount=self.total() - amount_paid + given_back,
			processing_since=None,
			**values,
		)

	def paid_in_parts(self) -> bool:
		"""Return whether the customer may pay this invoice in parts."""
		return bool(self.part_payments or self.instalment_plan)

	def mark_as_closed(self, reason: str) -> bool:
		"""Give up the rest of a partly paid invoice."""
		state = document_states.after_close(self.covered_days, self.kept())
		return self._move_to("Closed", outstanding_amount=0, failure_reason=reason, document_state=state)


def _schedule(invoice: Document) -> list[tuple]:
	rows = invoice.get("parts") or ()
	return [(row.name, str(row.due_on), to_decimal(row.amount or 0)) for row in rows]
