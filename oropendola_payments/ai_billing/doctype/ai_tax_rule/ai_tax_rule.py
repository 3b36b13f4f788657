from frappe.model.document import Document


class AITaxRule(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from oropendola_payments.ai_billing.doctype.ai_tax_rule_line.ai_tax_rule_line import AITaxRuleLine

		buyer_country: DF.Link | None
		buyer_group: DF.Literal["", "Abroad", "EU", "Union Territory"]
		buyer_registered: DF.Literal["Any", "No", "Yes", "Confirmed"]
		buyer_state: DF.Data | None
		buyer_zone: DF.Literal["Any", "Ordinary", "SEZ"]
		currency_class: DF.Literal["Any", "Domestic", "Foreign"]
		data_set: DF.Data | None
		enabled: DF.Check
		lines: DF.Table[AITaxRuleLine]
		lut: DF.Literal["Any", "Valid", "Not Valid"]
		note: DF.SmallText | None
		priority: DF.Int
		product_kind: DF.Data | None
		same_state: DF.Literal["Any", "Same", "Other"]
		seller_country: DF.Link | None
		seller_scheme: DF.Literal["", "GST", "VAT", "EU OSS", "Sales Tax", "Other"]
		seller_state: DF.Data | None
		title: DF.Data
		treatment: DF.Data
		valid_from: DF.Date | None
		valid_to: DF.Date | None
	# end: auto-generated types
