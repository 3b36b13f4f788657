"""The packs that are sold, and who may buy them."""

from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.current import current, current_rows
from oropendola_payments.ai_billing.doctype.ai_credit_pack.ai_credit_pack import AICreditPack
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import SERVED
from oropendola_payments.ai_billing.top_up import plan_names
from oropendola_payments.engine.subscriptions.lookup import subscriptions_of
from oropendola_payments.engine.tax.quote import includes_tax
from oropendola_payments.exceptions import Conflict, NotFound, Unprocessable
from oropendola_payments.money import to_decimal

PACK = "AI Credit Pack"


def get_pack(pack_id: str) -> AICreditPack:
	try:
		return current(PACK, pack_id)
	except frappe.DoesNotExistError:
		frappe.clear_messages()
		raise NotFound(_("There is no credit pack {0}.").format(pack_id)) from None


def on_sale(currency: str | None = None, plan: str | None = None) -> list[frappe._dict]:
	"""Return the active packs, without a query if they are cached; with a currency or a plan, those that fit it."""
	rows = [row for row in current_rows(PACK) if cint(row.is_active)]
	rows = [row for row in rows if not currency or currency.upper() in prices_of(row)]
	rows = [row for row in rows if not plan or not row.plans or any(one.plan == plan for one in row.plans)]
	return sorted(rows, key=lambda row: (cint(row.sort_order), to_decimal(row.price), row.name))


def prices_of(row: frappe._dict) -> dict[str, Decimal]:
	"""Return the prices of a pack by currency, its own currency first."""
	further = {price.currency: to_decimal(price.price or 0) for price in row.prices}
	return {row.currency: to_decimal(row.price or 0), **further}


def charged_by_request(pack: AICreditPack) -> list[str]:
	"""Return the names of the plans under which a call uses the same credits however many tokens it has, for the form of the pack."""
	plans = [row for row in current_rows("AI Plan") if cint(row.is_active) and pack.is_sold_to(row.name)]
	return [row.plan_name for row in plans if not any(_counts_tokens(model) for model in row.models)]


def _counts_tokens(model: frappe._dict) -> bool:
	return any(to_decimal(model.get(field) or 0) > 0 for field in ("per_input_tokens", "per_output_tokens"))


def listed(currency: str | None, user: str | None) -> list[dict]:
	"""Return the packs as the API lists them. A customer learns which of them can be bought now."""
	mine = [row.plan for row in _served(user)] if user else []
	return [_listed(row, currency, mine) for row in on_sale(currency)]


def _listed(row: frappe._dict, currency: str | None, mine: list[str]) -> dict:
	prices = prices_of(row)
	chosen = currency.upper() if currency else row.currency
	plans = [one.plan for one in row.plans]
	return {
		"pack_id": row.name,
		"pack_name": row.pack_name,
		"description": row.description or None,
		"credits": cint(row.units),
		"valid_days": cint(row.validity_days) or None,
		"price": prices[chosen],
		"currency": chosen,
		"prices": prices,
		"prices_include_tax": includes_tax(chosen),
		"plans": plans,
		"can_buy": any(not plans or plan in plans for plan in mine),
	}


def require_buyer(user: str, pack: AICreditPack) -> frappe._dict:
	"""Return the customer's subscription that may use the pack. Credits without service could not be used."""
	served = _served(user)
	if not served:
		message = _("Credits are used with an API key. Please subscribe to a plan, or renew yours, first.")
		raise Conflict(message)
	fitting = next((row for row in served if pack.is_sold_to(row.plan)), None)
	if not fitting:
		message = _("{0} is not sold with your plan. It is sold with: {1}.")
		plans = ", ".join(plan_names([row.plan for row in pack.plans]))
		raise Unprocessable(message.format(pack.pack_name, plans))
	return fitting


def _served(user: str) -> list[frappe._dict]:
	return [row for row in subscriptions_of(user) if row.status in SERVED]
