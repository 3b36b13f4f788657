"""The counter of one series of tax documents. Only the transaction that issues a document moves it."""

from typing import Any

import frappe
from frappe import _

from oropendola_payments.ai_billing.records import SystemRecord
from oropendola_payments.exceptions import DocumentIsFrozen


class AITaxDocumentSeries(SystemRecord):
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

	def validate(self) -> None:
		self._refuse()

	def before_insert(self) -> None:
		self._refuse()

	def on_trash(self) -> None:
		self._refuse()

	def before_rename(self, *args: Any) -> None:
		self._refuse()

	def _refuse(self) -> None:
		message = _("The numbers of tax documents have no gaps. Nobody can add, change or delete a series.")
		frappe.throw(message, DocumentIsFrozen)
