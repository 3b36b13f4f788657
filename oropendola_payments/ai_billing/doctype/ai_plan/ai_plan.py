import re

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.priced import Priced
from oropendola_payments.exceptions import Conflict, Unprocessable
from oropendola_payments.money import to_decimal

MAX_KEYS = 50
# Windows that begin with the first day of a subscription, or with what is paid; the others follow the clock.
FROM_THE_FIRST_DAY = ("Month", "Period")


class AIPlan(Priced):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from oropendola_payments.ai_billing.doctype.ai_plan_instalment.ai_plan_instalment import (
			AIPlanInstalment,
		)
		from oropendola_payments.ai_billing.doctype.ai_plan_limit.ai_plan_limit import AIPlanLimit
		from oropendola_payments.ai_billing.doctype.ai_plan_model.ai_plan_model import AIPlanModel
		from oropendola_payments.ai_billing.doctype.ai_plan_price.ai_plan_price import AIPlanPrice

		allow_pause: DF.Check
		billing_interval: DF.Literal["Day", "Month", "Year"]
		currency: DF.Link
		description: DF.SmallText | None
		features: DF.SmallText | None
		instalment_plans: DF.Table[AIPlanInstalment]
		interval_count: DF.Int
		is_active: DF.Check
		is_free: DF.Check
		keeps_free_plan: DF.Check
		limits: DF.Table[AIPlanLimit]
		max_api_keys: DF.Int
		models: DF.Table[AIPlanModel]
		part_payments: DF.Check
		part_service: DF.Literal["Full", "Covered Days"]
		plan_id: DF.Data
		plan_name: DF.Data
		price: DF.Currency
		prices: DF.Table[AIPlanPrice]
		product_kind: DF.Data | None
		requests_limit_per_day: DF.Int
		sort_order: DF.Int
		trial_days: DF.Int
		unused_on_cancel: DF.Literal["Nothing", "Credit", "Refund"]
	# end: auto-generated types

	def validate(self) -> None:
		self.validate_plan_id()
		self.validate_interval()
		self.validate_free()
		self.validate_free_customers()
		self.validate_prices()
		self.validate_metering()

	def validate_plan_id(self) -> None:
		if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.plan_id or ""):
			frappe.throw(
				_(
					"A plan ID can contain only lowercase letters, digits and single hyphens, such as pro-yearly."
				)
			)

	def validate_interval(self) -> None:
		if cint(self.interval_count) < 1:
			frappe.throw(_("The interval count must be at least 1."))
		for field in ("requests_limit_per_day", "trial_days"):
			if cint(self.get(field)) < 0:
				frappe.throw(_("{0} cannot be negative.").format(_(self.meta.get_label(field))))

		if not 1 <= self.key_limit() <= MAX_KEYS:
			frappe.throw(_("A plan can allow 1 to {0} API keys.").format(MAX_KEYS))

	def validate_free(self) -> None:
		# A free plan needs both a price of 0 and Is Free, so that a forgotten price does not make it free.
		price = to_decimal(self.price or 0)
		if price < 0:
			frappe.throw(_("The price cannot be negative."))
		if self.is_free and price:
			frappe.throw(
				_("A free plan must have a price of 0. Please set the price to 0 or untick Is Free.")
			)
		if not self.is_free and not price:
			frappe.throw(_("Please enter a price, or tick Is Free if this plan costs nothing."))
		if self.is_free and self.prices:
			frappe.throw(_("A free plan cannot have prices in other currencies."))

	def validate_free_customers(self) -> None:
		"""Refuse a price while customers have the plan for free: their subscriptions never end, so they would never pay it."""
		before = self.get_doc_before_save()
		if not before or not before.is_really_free() or self.is_really_free():
			return
		count = frappe.db.count(
			"AI Subscription", {"plan": self.name, "status": "Active", "end_date": ("is", "not set")}
		)
		if count:
			message = _(
				"Customers who have {0} for free, and would keep it without paying: {1}. Please make a new plan with a price, and deactivate this one."
			)
			frappe.throw(message.format(self.plan_name, count), Conflict)

	def validate_metering(self) -> None:
		seen = set()
		for limit in self.limits:
			if cint(limit.get("allowance")) < 1:
				frappe.throw(_("Row {0}: please enter a limit of at least 1.").format(limit.idx))
			if (limit.meter, limit.time_window) in seen:
				frappe.throw(_("Row {0}: there is already a limit for this window.").format(limit.idx))
			seen.add((limit.meter, limit.time_window))
		for model in self.models:
			model.pattern = (model.pattern or "").strip()
			if not model.pattern or "/" in model.pattern:
				message = _("Row {0}: please enter the model without its provider, such as gpt-4o.")
				frappe.throw(message.format(model.idx))

	def shown_name(self) -> str:
		return self.plan_name

	def is_really_free(self) -> bool:
		return bool(cint(self.is_free)) and not to_decimal(self.price or 0)

	def daily_limit(self) -> int:
		"""Return the requests a day; -1 means unlimited."""
		return cint(self.requests_limit_per_day) or -1

	def counts_from_first_day(self) -> bool:
		"""Return whether a limit follows the subscription's own days, not the clock."""
		return any(limit.time_window in FROM_THE_FIRST_DAY for limit in self.limits)

	def key_limit(self) -> int:
		return cint(self.max_api_keys) or 1

	def require_active(self) -> None:
		if not cint(self.is_active):
			frappe.throw(
				_("{0} is no longer available. Please choose another plan.").format(self.plan_name),
				Unprocessable,
			)
