import hashlib
from typing import Any

import frappe
from frappe import _

from oropendola_payments.ai_billing.records import FrozenRecord
from oropendola_payments.compat import add_index
from oropendola_payments.exceptions import NotAllowed


class AIUsageDay(FrozenRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		api_key: DF.Link | None
		day: DF.Date | None
		entries_deleted: DF.Check
		model: DF.Data | None
		source: DF.Data | None
		subscription: DF.Link
		user: DF.Link | None
	# end: auto-generated types

	"""What one API key of a subscription used of one model on one day: the sum of its rows in the usage ledger."""

	def refuse(self) -> None:
		frappe.throw(_("Daily usage is summed up by the system and cannot be edited."), NotAllowed)


def name_of(*group: Any) -> str:
	"""Return the name of the sum of a group, which is its unique key."""
	return hashlib.sha256("\n".join(str(part or "") for part in group).encode()).hexdigest()[:40]


def on_doctype_update() -> None:
	add_index("AI Usage Day", ["subscription", "day"])
	add_index("AI Usage Day", ["day", "subscription"])
