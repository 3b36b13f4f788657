"""The counter of one series of tax documents. Only the transaction that issues a document moves it."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.records import FrozenRecord
from oropendola_payments.exceptions import DocumentIsFrozen


class AITaxDocumentSeries(FrozenRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		financial_year: DF.Data
		kind: DF.Literal["Invoice", "Credit Note"]
		last_date: DF.Date | None
		last_number: DF.Int
		registration: DF.Link
	# end: auto-generated types

	def refuse(self) -> None:
		message = _("The numbers of tax documents have no gaps. Nobody can add, change or delete a series.")
		frappe.throw(message, DocumentIsFrozen)
