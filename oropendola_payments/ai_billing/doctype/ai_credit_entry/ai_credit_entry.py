import frappe
from frappe import _

from oropendola_payments.ai_billing.records import FrozenRecord
from oropendola_payments.exceptions import NotAllowed


class AICreditEntry(FrozenRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		credit_grant: DF.Link
		kind: DF.Literal["Granted", "Used", "Returned", "Expired", "Refunded", "Restored", "Corrected"]
		note: DF.SmallText | None
		reference: DF.Data | None
		subscription: DF.Link | None
		units: DF.Int
		user: DF.Link
	# end: auto-generated types

	"""One line of the wallet's ledger. Lines are only added: what was wrong is corrected by another line."""

	def refuse(self) -> None:
		frappe.throw(_("The ledger of credits cannot be written, changed or deleted manually."), NotAllowed)
