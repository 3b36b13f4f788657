from oropendola_payments.ai_billing.records import SystemRecord


class AISubscriptionPause(SystemRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		days: DF.Int
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		paused_on: DF.Date | None
		resumed_on: DF.Date | None
	# end: auto-generated types

	"""A pause that has ended, in a row of its subscription."""
