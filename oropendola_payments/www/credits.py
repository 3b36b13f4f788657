"""Credits page: the balance, the packs that can be bought, and every line of the wallet. The billing page shows its first part too."""

from collections.abc import Callable

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing import credit_units
from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.top_up import plan_names, plans_in
from oropendola_payments.engine.subscriptions import lookup
from oropendola_payments.engine.tax.quote import includes_tax
from oropendola_payments.engine.top_ups import buy, packs, suggestion
from oropendola_payments.engine.wallet import balance, overdrafts
from oropendola_payments.web import shell, words
from oropendola_payments.web.order import validity

no_cache = 1
sitemap = 0
SERVED = ("Active", "Trial")
KINDS: dict[str, Callable[[], str]] = {
	"Granted": lambda: _("Added"),
	"Used": lambda: _("Used"),
	"Returned": lambda: _("Not used after all"),
	"Expired": lambda: _("Expired"),
	"Refunded": lambda: _("Taken back with a refund"),
	"Restored": lambda: _("Given back"),
	"Corrected": lambda: _("Corrected"),
}


def get_context(context):
	page, user = shell.open_page(context, _("Credits"), here="billing"), shell.require_login()
	if shell.is_post() and shell.posted("action") in ACTIONS:
		ACTIONS[shell.posted("action")](context)
	context.update(
		{
			"credits": section(user, shell.query_param("pack")),
			"is_wallet_page": True,
			**lines(user, max(1, cint(shell.query_param("page")))),
		}
	)
	page.title = _("Credits")


# Buttons ------------------------------------------------------------------------------------------


def buy_pack(context):
	"""Order the pack and lead to its checkout."""
	with shell.refusals_lead_to(frappe.local.request.path):
		invoice = buy.buy(shell.require_login(), shell.posted("pack"))["invoice_id"]
	shell.redirect(f"/checkout?invoice={invoice}")


ACTIONS: dict[str, Callable] = {"buy_pack": buy_pack}


# What is shown ------------------------------------------------------------------------------------


def section(user: str, chosen: str = "") -> dict:
	"""Return balance, packs and a suggestion. Empty on a site that sells no credits to a customer who has none."""
	served = [row for row in lookup.subscriptions_of(user) if row.status in SERVED]
	sold = _packs(user, served, chosen)
	if not sold and not balance.has_wallet(user):
		return {}
	grants = balance.usable_grants(user)
	useless = [
		grant for grant in grants if served and not any(balance.is_for(grant, row.plan) for row in served)
	]
	total, waiting, unpaid = _sum(grants), _sum(useless), overdrafts.unpaid(user)
	return {
		"balance": credit_units.text(total),
		"is_empty": not total,
		"overdrawn": credit_units.text(unpaid) if unpaid else "",
		"waiting": credit_units.text(waiting) if waiting else "",
		"grants": [_grant(grant) for grant in grants],
		"packs": sold,
		"suggestion": "" if total > waiting or not sold else _suggestion(served),
	}


def _sum(grants: list[frappe._dict]) -> int:
	return sum(int(grant.remaining) for grant in grants)


def _grant(row: frappe._dict) -> dict:
	until = _("until {0}").format(words.day(row.valid_until)) if row.valid_until else _("no end date")
	return {
		"credits": credit_units.text(int(row.remaining)),
		"of": credit_units.text(int(row.granted)),
		"until": until,
		"is_gift": row.kind == "Gift",
		"plans": _plan_names(plans_in(row.plans)),
	}


def _plan_names(plans: list[str]) -> str:
	return ", ".join(words.translated(name) for name in plan_names(plans))


def _packs(user: str, served: list[frappe._dict], chosen: str) -> list[dict]:
	"""Return the packs that the customer can buy now, the one that a link names first."""
	rows = {row.name: row for mine in served for row in packs.on_sale(plan=mine.plan)}
	shown = [_pack(user, row, row.name == chosen) for row in rows.values()]
	return sorted(shown, key=lambda pack: not pack["is_chosen"])


def _pack(user: str, row: frappe._dict, is_chosen: bool) -> dict:
	prices = packs.prices_of(row)
	usual = buy.usual_currency(user, packs.get_pack(row.name)) or row.currency
	days = cint(row.validity_days)
	return {
		"id": row.name,
		"name": words.translated(row.pack_name),
		"description": words.translated(row.description),
		"price": words.money(prices[usual], usual),
		"tax": _("tax included") if includes_tax(usual) else _("plus tax, if any"),
		"valid": validity(days),
		"plans": _plan_names([one.plan for one in row.plans]),
		"is_chosen": is_chosen,
	}


def _suggestion(served: list[frappe._dict]) -> str:
	"""Return a sentence for the subscription that has used most of a limit, from 80 % on."""
	used = {row.name: suggestion.used_percent(row) for row in served}
	row = max(served, key=lambda one: used[one.name], default=None)
	if row is None or not suggestion.is_needed(used[row.name]):
		return ""
	plan = words.translated(current("AI Plan", row.plan).plan_name)
	if used[row.name] >= 100:
		return _("A limit of {0} is used up. With credits your API key works again at once.").format(plan)
	text = _("{0}% of a limit of {1} is used. With credits your API key keeps working after that.")
	return text.format(words.number(used[row.name]), plan)


def lines(user: str, page: int) -> dict:
	"""Return one page of the wallet's ledger."""
	rows, has_older = balance.lines(user, page)
	return {
		"lines": [_line(row) for row in rows],
		"newer": page - 1 if page > 1 else None,
		"older": page + 1 if has_older else None,
	}


def _line(row: frappe._dict) -> dict:
	text = credit_units.text(abs(int(row.units)))
	return {
		"when": words.moment(row.creation),
		"what": KINDS[row.kind](),
		"note": row.note or "",
		"credits": f"+{text}" if int(row.units) > 0 else f"−{text}",
	}
