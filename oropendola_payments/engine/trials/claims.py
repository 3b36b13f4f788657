"""Claim a trial: the unique keys of the claims decide, also between two tabs. Runs inside the caller's transaction."""

import frappe
from frappe.utils import cint, now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_plan.ai_plan import AIPlan
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.engine.trials.identity import Identity, identities

CLAIM = "AI Trial Claim"
SAVEPOINT = "oropendola_trial"
PER_PLAN = "Per Plan"
PER_PHONE = "Per Verified Phone"


def needs_phone() -> bool:
	"""Return whether the site gives a trial only for a confirmed phone number."""
	return payment_settings().trial_policy == PER_PHONE


def claim(subscription: AISubscription, phone: str | None = None) -> bool:
	"""Record that the customer of this new subscription takes a trial. Return False, and record nothing, if there was one before.

	`phone` is a number that the customer has confirmed for this trial.
	"""
	people = identities(subscription.user, phone)
	if not people or (needs_phone() and not phone):
		return False
	frappe.db.savepoint(SAVEPOINT)
	try:
		for person in people:
			_add(person, _scope(subscription.plan), subscription)
	except frappe.DuplicateEntryError:
		frappe.db.rollback(save_point=SAVEPOINT)
		return False
	_add_for_the_other_policy(people, subscription)
	return True


def may_have_trial(user: str, plan: AIPlan) -> bool:
	"""Return whether a trial of this plan would be given. The claim decides; this is what pages announce."""
	if not cint(plan.trial_days) or plan.is_really_free() or had_trial_or_plan(user, plan.name):
		return False
	keys = [person.key(_scope(plan.name)) for person in identities(user)]
	return bool(keys) and not frappe.db.exists(CLAIM, {"claim_key": ("in", keys)})


def had_trial_or_plan(user: str, plan: str) -> bool:
	"""Return whether this user had the plan before, or a trial that counts. It follows a user who was renamed."""
	trial = {"had_trial": 1, **({"plan": plan} if _scope(plan) else {})}
	either = ({"plan": plan}, trial)
	return any(frappe.db.exists("AI Subscription", {"user": user, **filters}) for filters in either)


def _scope(plan: str) -> str | None:
	"""Return the plan that a claim is for; None if one trial on the whole site is enough."""
	return plan if payment_settings().trial_policy == PER_PLAN else None


def _add_for_the_other_policy(people: list[Identity], subscription: AISubscription) -> None:
	"""Remember the trial in the other way too, so that a change of the policy forgets nobody."""
	other = None if _scope(subscription.plan) else subscription.plan
	for person in people:
		if not frappe.db.exists(CLAIM, {"claim_key": person.key(other)}):
			_add(person, other, subscription)


def _add(person: Identity, plan: str | None, subscription: AISubscription) -> None:
	row = records.new(CLAIM)
	row.update(
		{
			"claim_key": person.key(plan),
			"kind": person.kind,
			"hint": person.hint,
			"plan": plan,
			"user": subscription.user,
			"subscription": subscription.name,
			"claimed_on": now_datetime(),
		}
	)
	row.add()
