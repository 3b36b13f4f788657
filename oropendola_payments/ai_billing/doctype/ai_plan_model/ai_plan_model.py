from frappe.model.document import Document


class AIPlanModel(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		pattern: DF.Data
		per_input_tokens: DF.Float
		per_output_tokens: DF.Float
		per_request: DF.Float
	# end: auto-generated types
