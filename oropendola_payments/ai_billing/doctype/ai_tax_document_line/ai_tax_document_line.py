from frappe.model.document import Document


class AITaxDocumentLine(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		account_hint: DF.Data | None
		amount: DF.Currency
		base_amount: DF.Currency
		code: DF.Data | None
		currency: DF.Data | None
		kind: DF.Literal["Item", "Tax"]
		label: DF.Data
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		rate: DF.Percent
	# end: auto-generated types
