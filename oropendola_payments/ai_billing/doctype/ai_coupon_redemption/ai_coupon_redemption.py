from typing import Any

import frappe
from frappe import _
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.doctype.ai_coupon.ai_coupon import AICoupon
from oropendola_payments.ai_billing.records import StatefulRecord
from oropendola_payments.exceptions import ConcurrentChange

TRANSITIONS = {
	"Reserved": {"Used", "Released"},
	"Used": {"Released"},
	# A late payment of an invoice whose price was promised, or an order that costs nothing and still finds a place.
	"Released": {"Used", "Reserved"},
}
COUNTED = ("Reserved", "Used")


class AICouponRedemption(StatefulRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		coupon: DF.Link
		invoice: DF.Link
		periods: DF.Int
		redemption_key: DF.Data | None
		release_reason: DF.SmallText | None
		released_on: DF.Datetime | None
		reserved_on: DF.Datetime | None
		status: DF.Literal["Reserved", "Used", "Released"]
		used_on: DF.Datetime | None
		user: DF.Link
	# end: auto-generated types

	transitions = TRANSITIONS
	first_status = "Reserved"
	system_fields = (
		"coupon",
		"user",
		"invoice",
		"periods",
		"reserved_on",
		"used_on",
		"released_on",
		"release_reason",
		"redemption_key",
	)

	def get_coupon(self) -> AICoupon:
		return frappe.get_doc("AI Coupon", self.coupon)

	def mark_as_reserved(self, key: str) -> None:
		"""Reserve it again. ConcurrentChange if the customer took this key in another transaction: then the next one sees that."""
		values: dict[str, Any] = {"redemption_key": key, "released_on": None, "release_reason": None}
		try:
			self._move_to("Reserved", reserved_on=now_datetime(), **values)
		except Exception as error:
			if not frappe.db.is_duplicate_entry(error):
				raise
			raise ConcurrentChange(_("You have just used this coupon. Please try again.")) from error

	def mark_as_used(self) -> bool:
		"""Mark as used. Return whether the coupon's limit still holds: a released one is counted again whatever the limit."""
		within_limit = self.status != "Released" or self.get_coupon().take_promised_redemption()
		self._move_to("Used", used_on=now_datetime(), released_on=None, release_reason=None)
		return within_limit

	def mark_as_released(self, reason: str) -> bool:
		"""Release the redemption, so that somebody else can redeem the coupon. Return False if it was released before."""
		values: dict[str, Any] = {
			"released_on": now_datetime(),
			"release_reason": reason,
			"redemption_key": None,
		}
		if not self._move_to("Released", **values):
			return False
		self.get_coupon().give_back_redemption()
		return True


def key_of(coupon: str, user: str, number: int) -> str:
	"""Return the unique key of a customer's n-th redemption of a coupon."""
	return f"{coupon}:{user}:{number}"
