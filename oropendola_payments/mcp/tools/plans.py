"""Plans: list, compare, quote, buy."""

from decimal import Decimal
from typing import Any

from frappe import _

from oropendola_payments.engine.subscriptions import catalogue, discounts, invoicing, lifecycle, lookup
from oropendola_payments.engine.subscriptions.trial_phone import PhoneNotConfirmed
from oropendola_payments.mcp.tools import pages
from oropendola_payments.mcp.tools import schema as s
from oropendola_payments.mcp.tools.tool import Caller, Outcome, Tool

RUNNING = ("Active", "Trial")
PLAN = s.text("The `plan_id` of a plan, from list_plans.")
CURRENCY = s.text("A currency code such as INR.", longest=3, pattern="^[A-Z]{3}$")
COUPON = s.text("A coupon code.", longest=60)


def list_plans(caller: Caller, currency: str | None = None) -> dict:
	return {"plans": [_shown(plan) for plan in catalogue.list_plans(currency)]}


def compare_plans(caller: Caller, plan_ids: list[str], currency: str | None = None) -> dict:
	chosen = [_on_sale(plan_id, currency) for plan_id in dict.fromkeys(plan_ids)]
	return {"plans": chosen, "differences": [name for name in COMPARED if _differs(name, chosen)]}


def _on_sale(plan_id: str, currency: str | None) -> dict:
	plan = catalogue.get_plan(plan_id)
	plan.require_active()
	known = {row["plan_id"]: row for row in catalogue.list_plans()}[plan.name]
	price, sold_in = (Decimal(0), plan.currency) if plan.is_really_free() else plan.price_in(currency)
	return _shown({**known, "price": price, "currency": sold_in})


COMPARED = (
	"price",
	"currency",
	"billing_interval",
	"interval_count",
	"requests_per_day",
	"trial_days",
	"features",
)


def _differs(name: str, plans: list[dict]) -> bool:
	return any(plan[name] != plans[0][name] for plan in plans)


def _shown(plan: dict) -> dict:
	limit = plan["requests_limit_per_day"]
	kept = (
		"plan_id",
		"plan_name",
		"description",
		"features",
		"price",
		"currency",
		"prices",
		"billing_interval",
	)
	return {
		**{name: plan[name] for name in kept},
		"interval_count": plan["interval_count"],
		"requests_per_day": limit or None,
		"trial_days": plan["trial_days"] or 0,
		"is_free": bool(plan["is_free"]),
	}


def quote_plan(caller: Caller, plan_id: str, currency: str | None = None, coupon: str | None = None) -> dict:
	if coupon:
		return _quoted(discounts.check(caller.user, coupon, plan_id, currency))
	plan = catalogue.get_plan(plan_id)
	plan.require_active()
	price, sold_in = (Decimal(0), plan.currency) if plan.is_really_free() else plan.price_in(currency)
	amounts = invoicing.amounts_of(price, sold_in, caller.user, plan, None)
	return _quoted(
		{
			"plan_id": plan.name,
			"currency": sold_in,
			"price": price,
			"discount": amounts["discount_amount"],
			"tax_amount": amounts["tax_amount"],
			"total_amount": amounts["net_amount"] + amounts["tax_amount"],
		}
	)


def _quoted(found: dict) -> dict:
	return {name: found[name] for name in ("plan_id", "currency", *AMOUNTS)}


def buy_plan(caller: Caller, plan_id: str, currency: str | None = None, coupon: str | None = None) -> Outcome:
	running = _running(caller.user, plan_id)
	if running:
		return _served(running)
	try:
		made = lifecycle.subscribe(caller.user, plan_id, currency, reveal_key=False, coupon=coupon)
	except PhoneNotConfirmed:
		return Outcome({"status": "Phone Needed", "invoice_id": None}, pages.trial(plan_id))
	invoice = made.get("invoice_id")
	if not invoice:
		return _served(made)
	return Outcome({**made, "invoice_id": invoice}, pages.checkout(invoice))


def _running(user: str, plan_id: str) -> dict | None:
	"""Return the subscription if the plan runs already: a repeated call answers like the first."""
	name = lookup.live_subscription(user, plan_id)
	found = lookup.subscription_summary(user, name) if name else None
	return found if found and found["status"] in RUNNING else None


def _served(subscription: dict[str, Any]) -> Outcome:
	facts = {name: subscription[name] for name in ("subscription_id", "status")}
	message = _("The plan is active. Please open the billing page to see your API key.")
	return Outcome({**facts, "invoice_id": None}, pages.billing(message))


AMOUNTS = {name: {"type": "number"} for name in ("price", "discount", "tax_amount", "total_amount")}
PLANS = s.several({"type": "object", "required": ["plan_id", "price", "currency"]})
TOOLS = (
	Tool(
		name="list_plans",
		title="List plans",
		description="Plans on sale, with prices, limits and features. `requests_per_day` null means no daily limit.",
		run=list_plans,
		arguments=s.argument_schema(optional={"currency": CURRENCY}),
		answer=s.answer_schema(plans=PLANS),
		with_key=True,
	),
	Tool(
		name="compare_plans",
		title="Compare plans",
		description="Two to five plans side by side, and in what they differ.",
		run=compare_plans,
		arguments=s.argument_schema({"plan_ids": s.several(PLAN, least=2, most=5)}, {"currency": CURRENCY}),
		answer=s.answer_schema(plans=PLANS, differences=s.several({"type": "string"})),
		with_key=True,
	),
	Tool(
		name="quote_plan",
		title="Quote a plan",
		description="What the first period of a plan costs this user, with tax and coupon. Reserves nothing.",
		run=quote_plan,
		arguments=s.argument_schema({"plan_id": PLAN}, {"currency": CURRENCY, "coupon": COUPON}),
		answer=s.answer_schema(plan_id={"type": "string"}, currency={"type": "string"}, **AMOUNTS),
	),
	Tool(
		name="buy_plan",
		title="Buy a plan",
		description="Subscribe to a plan. No money moves here: the answer has the checkout page, where the user pays. Free"
		" plans and trials start at once. The API key is shown to the user on the billing page only; never ask for it. A"
		" repeated call gives the same invoice. Then watch get_payment_status.",
		run=buy_plan,
		arguments=s.argument_schema({"plan_id": PLAN}, {"currency": CURRENCY, "coupon": COUPON}),
		answer=s.answer_schema(
			status={"type": "string"}, invoice_id={"anyOf": [{"type": "string"}, {"type": "null"}]}
		),
		reads=False,
		per_minute=10,
	),
)
