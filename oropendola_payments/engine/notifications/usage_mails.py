"""The email that a limit of the plan is nearly or wholly used up."""

import frappe
from frappe.utils import cint

from oropendola_payments.ai_billing import credit_units, formatting
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.doctype.ai_usage_alert.ai_usage_alert import AIUsageAlert
from oropendola_payments.engine.metering.counters import METERS, NAMES
from oropendola_payments.engine.notifications import emails
from oropendola_payments.engine.wallet import balance


def usage_threshold(alert: AIUsageAlert) -> None:
	"""Send how much is used, and what happens when all of it is: credits of the customer pay, or calls are refused."""
	meter, window = (part.capitalize() for part in str(alert.limit_name).split(":"))

	def values() -> dict:
		subscription: AISubscription = frappe.get_doc("AI Subscription", alert.subscription)
		plan = subscription.get_plan()
		credits = balance.balance_under(subscription.user, plan.name)
		return {
			"plan": plan.plan_name,
			"limit": formatting.number(alert.get("limit_amount")),
			"used": formatting.number(alert.get("used")),
			"percent": str(alert.percent),
			"what": METERS[meter](),
			"window": NAMES[window](),
			"is_used_up": cint(alert.percent) >= 100,
			"credits": credit_units.text(credits) if credits else "",
			"resets_at": formatting.moment_and_zone(alert.window_ends_at),
		}

	emails.about_account("usage_threshold", alert, values, f"/usage?subscription={alert.subscription}")
