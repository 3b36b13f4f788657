"""Remember the trials of earlier subscriptions, so that nobody gets a second one under another name."""

import frappe
from frappe.utils import now_datetime

from oropendola_payments.engine.trials.identity import Identity, identities

CLAIM = "AI Trial Claim"


def execute() -> None:
	rows = frappe.get_all(
		"AI Subscription", {"had_trial": 1}, ["name", "user", "plan", "start_date"], order_by="creation"
	)
	for row in rows:
		for person in identities(row.user):
			for plan in (None, row.plan):
				_remember(row, person, plan)


def _remember(row: frappe._dict, person: Identity, plan: str | None) -> None:
	key = person.key(plan)
	if frappe.db.exists(CLAIM, {"claim_key": key}):
		return
	claim = frappe.new_doc(CLAIM)
	claim.update({"claim_key": key, "kind": person.kind, "hint": person.hint, "plan": plan})
	claim.update({"user": row.user, "subscription": row.name, "claimed_on": row.start_date or now_datetime()})
	claim.db_insert()
