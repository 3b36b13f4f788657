from frappe.model.document import Document


class AIReminderStep(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		channel: DF.Literal["Email", "SMS"]
		failure_class: DF.Literal["Left", "Soft", "Step", "Hard", "Ours", "Due"]
		in_the_morning: DF.Check
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		wait_hours: DF.Int
	# end: auto-generated types
