from oropendola_payments.ai_billing.records import SystemRecord


class AITrialClaim(SystemRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		claim_key: DF.Data | None
		claimed_on: DF.Datetime | None
		hint: DF.Data | None
		kind: DF.Literal["Email", "Phone"]
		plan: DF.Link | None
		subscription: DF.Link | None
		user: DF.Link | None
	# end: auto-generated types

	system_fields = ("user", "kind", "hint", "plan", "subscription", "claimed_on", "claim_key")
