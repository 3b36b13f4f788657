from frappe.model.document import Document


class AIPlanLimit(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		meter: DF.Literal["Requests", "Tokens", "Units"]
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		time_window: DF.Literal["Minute", "Hour", "Day", "Week", "Month", "Period"]
	# end: auto-generated types
