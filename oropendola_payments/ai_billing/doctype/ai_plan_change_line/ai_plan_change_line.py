from oropendola_payments.ai_billing.records import SystemRecord


class AIPlanChangeLine(SystemRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		charge: DF.Currency
		credit: DF.Currency
		currency: DF.Data
		days: DF.Int
		days_left: DF.Int
		ends_on: DF.Date | None
		full_after: DF.Currency
		full_before: DF.Currency
		full_tax_after: DF.Currency
		full_tax_before: DF.Currency
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		period_invoice: DF.Link | None
		plan_after: DF.Link | None
		plan_before: DF.Link | None
		starts_on: DF.Date | None
		tax_rate_after: DF.Percent
		tax_rate_before: DF.Percent
	# end: auto-generated types

	"""What a paid period was worth before a change of plan, and what it is worth after it."""
