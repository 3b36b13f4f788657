from typing import Any

from frappe.utils import now_datetime

from oropendola_payments.ai_billing.records import StatefulRecord
from oropendola_payments.compat import add_index

TRANSITIONS = {
	"Open": {"Resolved", "Accepted"},
	"Resolved": {"Open"},
	# The facts changed after a manager accepted it.
	"Accepted": {"Resolved", "Open"},
}


class PaymentPayoutDifference(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		capture: DF.Link | None
		closed_on: DF.Datetime | None
		currency: DF.Data | None
		difference: DF.Currency
		expected: DF.Currency
		found: DF.Currency
		gateway: DF.Data
		kind: DF.Literal[
			"Not Paid Out",
			"Refund Not In Payout",
			"Unknown",
			"Other Amount",
			"Other Refund Amount",
			"Dispute Not Recorded",
			"Fee Missing",
			"Does Not Add Up",
			"Reported Differently",
		]
		line: DF.Link | None
		opened_on: DF.Datetime | None
		payout: DF.Link | None
		reason: DF.SmallText | None
		refund: DF.Link | None
		status: DF.Literal["Open", "Resolved", "Accepted"]
		subject: DF.Data | None
	# end: auto-generated types

	"""Something that a gateway paid out differently from what this site recorded. One record for each kind and subject."""

	transitions = TRANSITIONS
	first_status = "Open"
	system_fields = (
		"kind",
		"gateway",
		"subject",
		"difference",
		"expected",
		"found",
		"currency",
		"payout",
		"line",
		"capture",
		"refund",
		"opened_on",
		"closed_on",
		"reason",
	)

	def mark_as_open(self, **values: Any) -> bool:
		return self._move_to("Open", opened_on=now_datetime(), closed_on=None, reason=None, **values)

	def mark_as_resolved(self) -> bool:
		return self._move_to("Resolved", closed_on=now_datetime())

	def mark_as_accepted(self, reason: str) -> bool:
		return self._move_to("Accepted", closed_on=now_datetime(), reason=reason)


def on_doctype_update() -> None:
	add_index("Payment Payout Difference", ["gateway", "status"])
