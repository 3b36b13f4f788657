import re
from decimal import Decimal

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.query_builder import DocType
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing import formatting
from oropendola_payments.compat import affected_rows
from oropendola_payments.exceptions import Conflict
from oropendola_payments.money import quantize, to_decimal, to_minor

WHOLE = 10_000  # basis points: 100 %
FOREVER = -1
CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{2,31}")
# What a redemption promised. A coupon with other terms is another coupon.
TERMS = ("discount_type", "basis_points", "duration", "periods")


class AICoupon(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from oropendola_payments.ai_billing.doctype.ai_coupon_amount.ai_coupon_amount import AICouponAmount
		from oropendola_payments.ai_billing.doctype.ai_coupon_customer.ai_coupon_customer import (
			AICouponCustomer,
		)
		from oropendola_payments.ai_billing.doctype.ai_coupon_plan.ai_coupon_plan import AICouponPlan

		amounts: DF.Table[AICouponAmount]
		basis_points: DF.Int
		code: DF.Data
		customers: DF.Table[AICouponCustomer]
		description: DF.SmallText | None
		discount_type: DF.Literal["Percent", "Amount"]
		duration: DF.Literal["Once", "Periods", "Forever"]
		first_purchase_only: DF.Check
		is_active: DF.Check
		max_per_customer: DF.Int
		max_redemptions: DF.Int
		periods: DF.Int
		plans: DF.Table[AICouponPlan]
		redemptions: DF.Int
		valid_from: DF.Date | None
		valid_to: DF.Date | None
	# end: auto-generated types

	def before_naming(self) -> None:
		typed = (self.code or "").strip()
		self.code = (
			typed.upper() if typed.isascii() else typed
		)  # upper() makes an ASCII letter of some others
		if not CODE.fullmatch(self.code):
			frappe.throw(
				_(
					"A coupon code has 3 to 32 characters: letters from A to Z, digits, hyphens or underscores. It begins with a letter or digit."
				)
			)

	def validate(self) -> None:
		self.validate_discount()
		self.validate_duration()
		self.validate_limits()
		self.keep_what_was_promised()

	def validate_discount(self) -> None:
		"""Check the field of the chosen type, and empty the other one."""
		if self.discount_type == "Percent":
			self.amounts = []
			if not 1 <= cint(self.basis_points) <= WHOLE:
				frappe.throw(_("Basis Points must be between 1 (0.01 %) and 10000 (100 %)."))
			return
		self.basis_points = 0
		if not self.amounts:
			frappe.throw(_("Please enter the amount in at least one currency."))
		seen = set()
		for row in self.amounts:
			if row.currency in seen:
				message = _("There are two amounts in {0}. Please remove one of them.")
				frappe.throw(message.format(row.currency))
			seen.add(row.currency)
			_validate_amount(to_decimal(row.amount or 0), row.currency)

	def validate_duration(self) -> None:
		if self.duration != "Periods":
			self.periods = 0
		elif cint(self.periods) < 1:
			frappe.throw(_("Please enter how many periods get the discount."))

	def validate_limits(self) -> None:
		for field in ("max_redemptions", "max_per_customer"):
			if cint(self.get(field)) < 0:
				frappe.throw(_("{0} cannot be negative.").format(_(self.meta.get_label(field))))
		if self.valid_from and self.valid_to and getdate(self.valid_to) < getdate(self.valid_from):
			frappe.throw(_("Valid To is before Valid From."))

	def keep_what_was_promised(self) -> None:
		"""Keep the count, and refuse other terms once the coupon was redeemed."""
		before = self.get_doc_before_save()
		self.redemptions = cint(before.redemptions) if before else 0
		if not before or not frappe.db.exists("AI Coupon Redemption", {"coupon": self.name}):
			return
		same = all((self.get(field) or 0) == (before.get(field) or 0) for field in TERMS)
		if not same or not before.amounts_by_currency().items() <= self.amounts_by_currency().items():
			message = _(
				"Coupon {0} was redeemed, so its discount and duration cannot change. Please deactivate it and make a new one."
			)
			frappe.throw(message.format(self.name), Conflict)

	def on_trash(self) -> None:
		if frappe.db.exists("AI Coupon Redemption", {"coupon": self.name}):
			message = _("Coupon {0} was redeemed and cannot be deleted. Please deactivate it instead.")
			frappe.throw(message.format(self.name), Conflict)

	# Terms --------------------------------------------------------------------------------------

	def amounts_by_currency(self) -> dict[str, Decimal]:
		return {row.currency: to_decimal(row.amount or 0) for row in self.amounts}

	def discount_on(self, price: Decimal, currency: str) -> Decimal:
		"""Return what the coupon takes off a price, at most the price. 0 in a currency that it has no amount for."""
		if self.discount_type == "Percent":
			return quantize(price * cint(self.basis_points) / WHOLE, currency)
		return min(price, self.amounts_by_currency().get(currency, Decimal(0)))

	def covers(self, plan: str) -> bool:
		return not self.plans or any(row.plan == plan for row in self.plans)

	def is_for(self, user: str) -> bool:
		return not self.customers or any(row.user == user for row in self.customers)

	def period_count(self) -> int:
		"""Return how many periods get the discount, or FOREVER."""
		return {"Once": 1, "Forever": FOREVER}.get(self.duration, cint(self.periods))

	# Count --------------------------------------------------------------------------------------

	def use(self) -> dict[str, int]:
		"""Return how often the coupon was redeemed, for the form."""
		by_status = {
			name: frappe.db.count("AI Coupon Redemption", {"coupon": self.name, "status": name})
			for name in ("Used", "Reserved")
		}
		return {
			"redeemed": cint(self.redemptions),
			"limit": cint(self.max_redemptions),
			"used": by_status["Used"],
			"reserved": by_status["Reserved"],
		}

	def has_redemptions_left(self) -> bool:
		"""Return whether the limit was not reached a moment ago. Only `take_redemption` decides."""
		return not cint(self.max_redemptions) or cint(self.redemptions) < cint(self.max_redemptions)

	def take_redemption(self) -> bool:
		"""Count one redemption, with one statement that decides between the last two customers. False if none is left."""
		coupon = DocType("AI Coupon")
		below_limit = (coupon.max_redemptions == 0) | (coupon.redemptions < coupon.max_redemptions)
		return self._count(1, below_limit & (coupon.is_active == 1))

	def take_promised_redemption(self) -> bool:
		"""Count one redemption that was promised before. Return whether that is within the limit."""
		self._count(1)
		row = frappe.db.get_value("AI Coupon", self.name, ["redemptions", "max_redemptions"], as_dict=True)
		return not cint(row.max_redemptions) or cint(row.redemptions) <= cint(row.max_redemptions)

	def give_back_redemption(self) -> None:
		self._count(-1)

	def _count(self, step: int, only_if: object = None) -> bool:
		coupon = DocType("AI Coupon")
		query = frappe.qb.update(coupon).set(coupon.redemptions, coupon.redemptions + step)
		query = query.where(coupon.name == self.name)
		(query.where(only_if) if only_if is not None else query).run()
		return bool(affected_rows())


def _validate_amount(amount: Decimal, currency: str) -> None:
	if amount <= 0:
		frappe.throw(_("Please enter an amount greater than 0 in {0}.").format(currency))
	try:
		to_minor(amount, currency)
	except ValueError:
		shown = formatting.exact_money(amount, currency)
		frappe.throw(_("{0} has too many decimal places for {1}.").format(shown, currency))
