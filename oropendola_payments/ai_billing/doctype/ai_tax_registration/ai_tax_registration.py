from frappe.model.document import Document


class AITaxRegistration(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		address: DF.SmallText | None
		country: DF.Link
		legal_name: DF.Data | None
		lut_from: DF.Date | None
		lut_number: DF.Data | None
		lut_to: DF.Date | None
		number: DF.Data
		scheme: DF.Literal["GST", "VAT", "EU OSS", "Sales Tax", "Other"]
		service_code: DF.Data | None
		state: DF.Data | None
		valid_from: DF.Date
		valid_to: DF.Date | None
	# end: auto-generated types
