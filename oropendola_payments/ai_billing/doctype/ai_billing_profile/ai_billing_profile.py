from frappe.model.document import Document


class AIBillingProfile(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		address_line1: DF.Data | None
		address_line2: DF.Data | None
		billing_email: DF.Data | None
		city: DF.Data | None
		country: DF.Link | None
		gst_category: DF.Literal["", "Unregistered", "Registered Regular", "SEZ", "Overseas"]
		kind: DF.Literal["Person", "Company"]
		language: DF.Data | None
		legal_name: DF.Data | None
		pincode: DF.Data | None
		po_reference: DF.Data | None
		state: DF.Data | None
		tax_id: DF.Data | None
		tax_id_check_reference: DF.Data | None
		tax_id_checked_on: DF.Datetime | None
		tax_id_status: DF.Literal["", "Format Checked", "Confirmed", "Rejected", "Unchecked"]
		tax_id_type: DF.Literal["", "GSTIN", "EU VAT", "GB VAT", "Other"]
		user: DF.Link
	# end: auto-generated types
