"""The user's subscriptions: usage, keys, change of plan, cancellation."""

from typing import Any

from frappe import _

from oropendola_payments.engine.keys import listing
from oropendola_payments.engine.plan_changes import confirm, preview, withdraw
from oropendola_payments.engine.self_service import commands, state
from oropendola_payments.engine.subscriptions.lookup import own_subscription
from oropendola_payments.mcp.tools import pages
from oropendola_payments.mcp.tools import schema as s
from oropendola_payments.mcp.tools.plain import untrusted
from oropendola_payments.mcp.tools.plans import CURRENCY, PLAN
from oropendola_payments.mcp.tools.tool import Caller, Outcome, Tool

WHICH = {"subscription_id": s.text("Which subscription, if the user has several.")}
STANDING = s.answer_schema(subscription_id={"type": "string"}, status={"type": "string"})


def get_usage(caller: Caller) -> dict:
	"""Return all subscriptions with what is left of their quota, and the beginnings of their keys."""
	found = state.customer_state(caller.user)
	return {**found, "subscriptions": [_with_named_keys(row) for row in found["subscriptions"]]}


def _with_named_keys(row: dict) -> dict:
	return {**row, "keys": [{**key, "name": untrusted(key["name"])} for key in row["keys"]]}


def list_api_keys(caller: Caller, **which: str) -> dict:
	found = listing.list_keys(caller.user, **which)
	return {**found, "keys": [{**key, "name": untrusted(key["name"])} for key in found["keys"]]}


def rotate_api_key(caller: Caller, **which: str) -> Outcome:
	found = own_subscription(caller.user, which.get("subscription_id"))
	message = _(
		"Please open the billing page and replace the API key there. The new key is shown to you only."
	)
	return Outcome({"subscription_id": found.name, "status": "Not Replaced Yet"}, pages.billing(message))


def preview_plan_change(caller: Caller, plan_id: str, **more: str) -> dict:
	return preview.preview(caller.user, plan_id, **more)


def change_plan(caller: Caller, plan_id: str, quote: str, **which: str) -> Outcome:
	made = confirm.change(caller.user, plan_id, quote, **which)
	is_due = made.get("invoice_id") and made["due_now"]
	return Outcome(made, pages.checkout(made["invoice_id"]) if is_due else None)


def withdraw_plan_change(caller: Caller, **which: str) -> dict:
	return withdraw.withdraw(caller.user, **which)


def preview_cancellation(caller: Caller, **which: str) -> dict:
	return commands.preview_cancellation(caller.user, **which)


def cancel_subscription(
	caller: Caller, at_period_end: bool = True, reason: str | None = None, **which: str
) -> dict:
	return commands.cancel(caller.user, which.get("subscription_id"), at_period_end, reason)


def undo_cancellation(caller: Caller, **which: str) -> dict:
	return commands.undo_cancel(caller.user, **which)


def _tool(name: str, title: str, description: str, run: Any, **more: Any) -> Tool:
	more = {
		"arguments": s.argument_schema(optional=WHICH),
		"answer": s.answer_schema(subscription_id={"type": "string"}),
		**more,
	}
	return Tool(name=name, title=title, description=description, run=run, **more)


TOOLS = (
	_tool(
		"get_usage",
		"Get usage",
		"The user's subscriptions, what is left of each quota and when it is full again, open invoices, and the beginning"
		" of each API key. Keys themselves are never shown.",
		get_usage,
		arguments=s.NOTHING,
		answer=s.answer_schema(
			subscriptions=s.several({"type": "object", "required": ["subscription_id", "quota", "keys"]})
		),
		with_key=True,
	),
	_tool(
		"list_api_keys",
		"List API keys",
		"Names, beginnings and status of the API keys of a subscription. Never the keys.",
		list_api_keys,
		answer=s.answer_schema(subscription_id={"type": "string"}, keys=s.several({"type": "object"})),
	),
	_tool(
		"rotate_api_key",
		"Replace an API key",
		"The page where the user replaces an API key. This tool changes nothing and never returns a key.",
		rotate_api_key,
		answer=STANDING,
	),
	_tool(
		"preview_plan_change",
		"Preview a change of plan",
		"What a change to another plan costs, and when it takes effect. `quote` confirms exactly this with change_plan. Show"
		" the user the amounts first.",
		preview_plan_change,
		arguments=s.argument_schema({"plan_id": PLAN}, {**WHICH, "currency": CURRENCY}),
		answer=s.answer_schema(
			plan={"type": "string"},
			timing={"type": "string"},
			due_now={"type": "number"},
			quote={"type": "string"},
		),
	),
	_tool(
		"change_plan",
		"Change the plan",
		"Make the change that preview_plan_change quoted, after the user agreed. If it costs something, nothing changes before"
		" the user has paid on the checkout page.",
		change_plan,
		arguments=s.argument_schema(
			{"plan_id": PLAN, "quote": s.text("The `quote` of preview_plan_change.", 1000)}, WHICH
		),
		answer=s.answer_schema(
			plan_change={"type": "string"}, status={"type": "string"}, due_now={"type": "number"}
		),
		reads=False,
		destroys=True,
		per_minute=10,
	),
	_tool(
		"withdraw_plan_change",
		"Cancel a change of plan",
		"Cancel a change of plan that is scheduled or not paid yet.",
		withdraw_plan_change,
		reads=False,
		per_minute=10,
	),
	_tool(
		"preview_cancellation",
		"Preview a cancellation",
		"Until when service would run, and what ending it now would cost.",
		preview_cancellation,
	),
	_tool(
		"cancel_subscription",
		"Cancel a subscription",
		"Cancel at the end of the paid period (can be undone until then), or now with `at_period_end` false, which cannot be"
		" undone. Ask the user first.",
		cancel_subscription,
		arguments=s.argument_schema(
			optional={
				**WHICH,
				"at_period_end": s.yes_or_no("False ends service now.", default=True),
				"reason": s.text("One of the codes that preview_cancellation lists."),
			}
		),
		answer=STANDING,
		reads=False,
		destroys=True,
		per_minute=10,
	),
	_tool(
		"undo_cancellation",
		"Undo a cancellation",
		"Withdraw a cancellation before the subscription has ended.",
		undo_cancellation,
		answer=STANDING,
		reads=False,
		per_minute=10,
	),
)
