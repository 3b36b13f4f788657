import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.records import SystemRecord


class PaymentCounter(SystemRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		count: DF.Int
		ends_at: DF.Datetime | None
	# end: auto-generated types

	system_fields = ("count", "ends_at")


def remove_ended() -> None:
	frappe.db.delete("Payment Counter", {"ends_at": ("<", now_datetime())})
