import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, flt

MOST_PARTS = 36


class AIInstalmentPlan(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		down_percent: DF.Percent
		every: DF.Int
		is_active: DF.Check
		parts: DF.Int
		service: DF.Literal["Covered Days", "Full"]
		title: DF.Data
		tolerance_days: DF.Int
		unit: DF.Literal["Month", "Day"]
	# end: auto-generated types

	def validate(self) -> None:
		if not 0 <= flt(self.down_percent) <= 95:
			frappe.throw(_("The down payment must be between 0 and 95 percent."))
		least = 1 if flt(self.down_percent) else 2
		if not least <= cint(self.parts) <= MOST_PARTS:
			frappe.throw(_("Please enter {0} to {1} equal parts.").format(least, MOST_PARTS))
		if not cint(self.every) and self.service != "Covered Days":
			frappe.throw(_("Please say after how many months or days each part is due."))
