import re

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.priced import Priced
from oropendola_payments.exceptions import Unprocessable
from oropendola_payments.money import to_decimal

MOST_CREDITS = 1_000_000_000
MOST_DAYS = 3650


class AICreditPack(Priced):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from oropendola_payments.ai_billing.doctype.ai_credit_pack_plan.ai_credit_pack_plan import (
			AICreditPackPlan,
		)
		from oropendola_payments.ai_billing.doctype.ai_plan_price.ai_plan_price import AIPlanPrice

		currency: DF.Link
		description: DF.SmallText | None
		is_active: DF.Check
		pack_id: DF.Data
		pack_name: DF.Data
		plans: DF.Table[AICreditPackPlan]
		price: DF.Currency
		prices: DF.Table[AIPlanPrice]
		product_kind: DF.Data | None
		sort_order: DF.Int
		units: DF.Int
		validity_days: DF.Int
	# end: auto-generated types

	"""Credits that customers buy at once and use when the quota of their plan is used up."""

	def validate(self) -> None:
		self.validate_pack_id()
		self.validate_credits()
		if to_decimal(self.price or 0) <= 0:
			frappe.throw(_("Please enter a price greater than 0."))
		self.validate_prices()

	def validate_pack_id(self) -> None:
		if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.pack_id or ""):
			frappe.throw(
				_(
					"A pack ID can contain only lowercase letters, digits and single hyphens, such as credits-1000."
				)
			)

	def validate_credits(self) -> None:
		if not 1 <= cint(self.units) <= MOST_CREDITS:
			frappe.throw(_("A pack can contain 1 to {0} credits.").format(MOST_CREDITS))
		if not 0 <= cint(self.validity_days) <= MOST_DAYS:
			frappe.throw(
				_("Credits can be valid for up to {0} days. 0 means that they do not expire.").format(
					MOST_DAYS
				)
			)

	def shown_name(self) -> str:
		return self.pack_name

	def is_sold_to(self, plan: str) -> bool:
		"""Return whether customers of this plan can buy the pack."""
		return not self.plans or any(row.plan == plan for row in self.plans)

	def usable_under(self) -> str | None:
		"""Return the plans under which its credits can be used, as a grant stores them. None means every plan."""
		return ",".join(sorted({row.plan for row in self.plans})) or None

	def require_active(self) -> None:
		if not cint(self.is_active):
			message = _("{0} is no longer available. Please choose another pack.")
			frappe.throw(message.format(self.pack_name), Unprocessable)
