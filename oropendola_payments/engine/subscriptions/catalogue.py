"""Catalogue of plans and their prices."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.exceptions import NotFound


def list_plans(currency: str | None = None) -> list[dict]:
	"""Return active plans with their prices; with `currency`, only those sold in it."""
	fields = [
		"name", "plan_id", "plan_name", "description", "features", "price", "currency", "billing_interval",
		"interval_count", "requests_limit_per_day", "is_free", "trial_days",
	]  # fmt: skip
	plans = frappe.get_all("AI Plan", {"is_active": 1}, fields, order_by="sort_order, plan_name")
	rows = frappe.get_all(
		"AI Plan Price", {"parenttype": "AI Plan"}, ["parent", "currency", "price"], order_by="idx"
	)
	for plan in plans:
		further = [row for row in rows if row.parent == plan.name]
		plan.prices = {plan.currency: plan.price, **{row.currency: row.price for row in further}}
		plan.features = [line.strip() for line in (plan.features or "").splitlines() if line.strip()]
	return [_in_currency(plan, currency) for plan in plans if not currency or _sold_in(plan, currency)]


def _sold_in(plan: frappe._dict, currency: str) -> bool:
	return bool(plan.is_free) or currency.upper() in plan.prices


def _in_currency(plan: frappe._dict, currency: str | None) -> dict:
	chosen = currency.upper() if currency else plan.currency
	return {**plan, "currency": chosen, "price": plan.prices.get(chosen, 0)}


def get_plan(plan_id: str) -> AIPlan:
	try:
		return current("AI Plan", plan_id)
	except frappe.DoesNotExistError:
		frappe.clear_messages()
		raise NotFound(_("There is no plan {0}.").format(plan_id)) from None
