from decimal import Decimal

from oropendola_payments.ai_billing.records import SystemRecord
from oropendola_payments.money import quantize


class AIInvoicePart(SystemRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		agreed_on: DF.Date | None
		amount: DF.Currency
		capture: DF.Link | None
		covers_days: DF.Int
		currency: DF.Link | None
		due_on: DF.Date | None
		last_reminder: DF.Data | None
		paid_amount: DF.Currency
		paid_on: DF.Date | None
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		tax_share: DF.Currency
		user: DF.Link | None
	# end: auto-generated types

	def total(self) -> Decimal:
		return quantize(self.amount or 0, self.currency or "")

	def left(self) -> Decimal:
		"""Return what is still to be paid of this part."""
		return self.total() - quantize(self.paid_amount or 0, self.currency or "")
