from frappe.model.document import Document


class AIWebhookAttempt(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		error: DF.Data | None
		milliseconds: DF.Int
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		response: DF.SmallText | None
		status_code: DF.Int
		tried_at: DF.Datetime | None
	# end: auto-generated types

	"""One try to deliver an event."""
