from frappe.model.document import Document


class AIInvoiceTax(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		account_hint: DF.Data | None
		amount: DF.Currency
		label: DF.Data
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		rate: DF.Percent
		taxable_amount: DF.Currency
	# end: auto-generated types
