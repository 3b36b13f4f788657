import frappe
from frappe import _

from oropendola_payments.ai_billing.records import FrozenRecord
from oropendola_payments.compat import add_index
from oropendola_payments.exceptions import NotAllowed


class PaymentPayoutLine(FrozenRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		amount: DF.Currency
		capture: DF.Link | None
		currency: DF.Data
		day: DF.Date | None
		fee_stated: DF.Check
		gateway: DF.Data
		gateway_row: DF.Data | None
		is_linked: DF.Check
		kind: DF.Literal["Capture", "Refund", "Fee", "Tax on Fee", "Dispute", "Adjustment", "Reserve"]
		note: DF.Data | None
		own_amount: DF.Currency
		own_currency: DF.Data | None
		payment_id: DF.Data | None
		payout: DF.Link
		reference: DF.Data | None
		refund: DF.Link | None
		refund_id: DF.Data | None
		refund_key: DF.Data | None
	# end: auto-generated types

	"""One line of a payout, as the gateway reported it. Only its links to our records are added later."""

	def refuse(self) -> None:
		frappe.throw(_("The lines of a payout come from the gateway and cannot be changed."), NotAllowed)


def on_doctype_update() -> None:
	add_index("Payment Payout Line", ["payout", "is_linked"])
	add_index("Payment Payout Line", ["gateway", "is_linked"])
