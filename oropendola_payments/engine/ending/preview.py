"""What cancelling costs, shown before a customer decides."""

from decimal import Decimal
from typing import Any

import frappe
from frappe.utils import getdate

from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.engine.ending import at_period_end, unused_days
from oropendola_payments.engine.ending.reasons import reasons


def preview(name: str) -> dict:
	"""Return both ways to cancel. Writes nothing.

	`at_period_end` is None if there is nothing to wait for. `now` has the paid days that would be lost, and what is given back.
	"""
	subscription = frappe.get_doc("AI Subscription", name)
	waits = at_period_end.can_wait(subscription)
	return {
		"subscription_id": name,
		"status": subscription.status,
		"cancel_at_period_end": bool(subscription.cancel_at_period_end),
		"at_period_end": {"ends_on": getdate(subscription.end_date)} if waits else None,
		"now": [_cost(subscription, unused) for unused in unused_days.of(subscription)] if waits else [],
		"reasons": list(reasons()),
	}


def _cost(subscription: AISubscription, unused: unused_days.UnusedDays) -> dict[str, Any]:
	policy = unused_days.policy_of(subscription)
	kept = policy == unused_days.NOTHING
	return {
		"days_left": unused.days,
		"unused_amount": unused.amount,
		"currency": unused.currency,
		"given_back": Decimal(0) if kept else unused_days.can_give_back(subscription, unused),
		"as": policy.lower(),
	}
