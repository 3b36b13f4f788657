from frappe.utils import getdate

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.records import SystemRecord
from oropendola_payments.compat import add_index


class AICreditGrant(SystemRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		granted: DF.Int
		invoice: DF.Link | None
		kind: DF.Literal["Bought", "Gift"]
		note: DF.SmallText | None
		overdrawn: DF.Int
		owed: DF.Int
		pack: DF.Link | None
		plans: DF.SmallText | None
		remaining: DF.Int
		reminded_days: DF.Int
		user: DF.Link
		valid_until: DF.Date | None
	# end: auto-generated types

	"""Credits that a customer got at once: bought as a pack, or given by a manager. Counted in thousandths.

	`remaining` is the sum of its ledger entries. Only the engine changes it, together with the entry that says why.
	"""

	system_fields = (
		*("user", "kind", "pack", "invoice", "note", "valid_until", "plans"),
		*("granted", "remaining", "owed", "overdrawn", "reminded_days"),
	)

	def is_over(self) -> bool:
		"""Return whether its last day is over."""
		return bool(self.valid_until) and getdate(self.valid_until) < today()


def on_doctype_update() -> None:
	add_index("AI Credit Grant", ["valid_until", "remaining"])
