import frappe
from frappe import _

from oropendola_payments.ai_billing.records import FrozenRecord
from oropendola_payments.compat import add_index
from oropendola_payments.exceptions import NotAllowed


class PaymentDay(FrozenRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		applied: DF.Currency
		authorized: DF.Int
		cancelled: DF.Int
		captures: DF.Int
		created: DF.Int
		credited: DF.Currency
		currency: DF.Data | None
		day: DF.Date
		expired: DF.Int
		failed: DF.Int
		gateway: DF.Data | None
		kind: DF.Literal["Closed", "Sums", "Changed"]
		mode: DF.Data | None
		paid: DF.Int
		processing: DF.Int
		reasons: DF.LongText | None
		recovered: DF.Currency
		refunded: DF.Currency
		refunded_of_applied: DF.Currency
		taken: DF.Currency
	# end: auto-generated types

	"""What happened on one day at one gateway, in one currency and mode. `daily/stored.py` says which rows count."""

	def refuse(self) -> None:
		frappe.throw(_("The figures of a day are summed up by the system and cannot be edited."), NotAllowed)


def on_doctype_update() -> None:
	add_index("Payment Day", ["kind", "day"])
