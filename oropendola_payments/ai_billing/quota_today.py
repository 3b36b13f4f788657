"""How many requests of a day a subscription has used, also before its plan changed."""

from typing import Any

from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.periods import today


def used_today(subscription: Any) -> int:
	"""Return the requests of today. An unlimited plan does not count them, but keeps those before a change."""
	changed_on = subscription.used_before_change_on
	before = cint(subscription.used_before_change) if changed_on and getdate(changed_on) == today() else 0
	if cint(subscription.daily_quota_limit) == -1 or getdate(subscription.quota_reset_on) <= today():
		return before
	return before + max(0, cint(subscription.daily_quota_limit) - cint(subscription.daily_quota_remaining))
