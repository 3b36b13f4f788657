import frappe
from frappe import _

from oropendola_payments.ai_billing.records import FrozenRecord
from oropendola_payments.exceptions import NotAllowed


class AIReportResult(FrozenRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		counted_on: DF.Datetime
		result: DF.LongText | None
	# end: auto-generated types

	"""What a report of a large site had last night. `ai_billing/kept.py` writes and reads it."""

	def refuse(self) -> None:
		frappe.throw(_("The results of reports are counted by the system and cannot be edited."), NotAllowed)
