"""Credits of packs for certain plans, bought or ordered before credits were tied to plans, are usable only under those plans.

What was bought already is also usable under the plans that its customer has now, so that nobody loses what works today.
"""

from collections import defaultdict

import frappe

HELD = ("Active", "Trial", "Past Due", "Paused")


def execute() -> None:
	plans = defaultdict(set)
	for row in frappe.get_all("AI Credit Pack Plan", {"parenttype": "AI Credit Pack"}, ["parent", "plan"]):
		plans[row.parent].add(row.plan)
	for pack, sold_to in plans.items():
		orders = {"credit_pack": pack, "credit_plans": ("is", "not set")}
		for invoice in frappe.get_all("AI Invoice", orders, ["name", "user"]):
			_tie(invoice, sold_to)


def _tie(invoice: frappe._dict, sold_to: set[str]) -> None:
	grant = frappe.db.get_value("AI Credit Grant", {"invoice": invoice.name})
	usable = ",".join(sorted(sold_to | _held_by(invoice.user) if grant else sold_to))
	frappe.db.set_value("AI Invoice", invoice.name, "credit_plans", usable, update_modified=False)
	if grant:
		frappe.db.set_value("AI Credit Grant", grant, "plans", usable, update_modified=False)


def _held_by(user: str) -> set[str]:
	return set(frappe.get_all("AI Subscription", {"user": user, "status": ("in", HELD)}, pluck="plan"))
