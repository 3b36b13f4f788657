from oropendola_payments.ai_billing.records import SystemRecord


class AIReminderOptOut(SystemRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		channel: DF.Literal["Email", "SMS"]
		user: DF.Link
	# end: auto-generated types

	"""A customer who wants no payment reminders by this channel. Only the customer can switch them on again."""

	system_fields = ("user", "channel")
