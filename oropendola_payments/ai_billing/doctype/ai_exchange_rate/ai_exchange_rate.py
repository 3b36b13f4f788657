from datetime import date, timedelta
from decimal import Decimal

import frappe
from frappe import _
from frappe.model.document import Document

from oropendola_payments.money import to_decimal

VALID_DAYS = 31


class AIExchangeRate(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		currency: DF.Link
		home_currency: DF.Link
		rate: DF.Data
		source: DF.Data
		valid_from: DF.Date
	# end: auto-generated types

	def validate(self) -> None:
		try:
			rate = to_decimal(self.rate)
		except ValueError:
			rate = Decimal(0)
		if rate <= 0:
			frappe.throw(_("{0} is not a rate. Please enter a number such as 88.1234.").format(self.rate))
		if self.currency == self.home_currency:
			frappe.throw(_("Please enter the rate of another currency than the home currency."))
		self.rate = f"{rate:f}"


def rate_on(day: date, currency: str, home: str) -> dict | None:
	"""Return the latest rate that is valid on this day: `rate`, `valid_from` and `source`."""
	filters = {
		"currency": currency,
		"home_currency": home,
		"valid_from": ("between", (day - timedelta(days=VALID_DAYS), day)),
	}
	fields = ["rate", "valid_from", "source"]
	rows = frappe.get_all(
		"AI Exchange Rate", filters, fields, order_by="valid_from desc, creation desc", limit=1
	)
	return rows[0] if rows else None
