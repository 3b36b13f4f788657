from frappe.model.document import Document


class PaymentFrontend(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		allow_frames: DF.Check
		failure_url: DF.Data | None
		is_default: DF.Check
		origin: DF.Data
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		pending_url: DF.Data | None
		success_url: DF.Data | None
	# end: auto-generated types
