"""Tell customers, other apps and the audit trail that a limit is nearly or wholly used up, once for each window."""

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.ai_usage_alert.ai_usage_alert import AIUsageAlert
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.engine.core.batch import for_each
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.notifications import hooks


def send_due() -> int:
	"""Handle all alerts that wait. Return how many."""
	return for_each("AI Usage Alert", {"status": "Planned"}, _send)


def _send(name: str) -> None:
	"""The alert is marked before anything is sent, so a crash cannot send it twice."""
	subscription = frappe.db.get_value("AI Usage Alert", name, "subscription")
	invoice = frappe.db.get_value("AI Subscription", subscription, "current_invoice")
	if in_transaction(_claim, name, invoice):
		hooks.usage_threshold_reached(name)


def _claim(name: str, invoice: str | None) -> bool:
	"""Return whether the customer is to be told. What is over, or surpassed by a higher percentage, is skipped."""
	locked = lock("AI Invoice", invoice) if invoice else None
	alert: AIUsageAlert = lock("AI Usage Alert", name)
	if alert.status != "Planned":
		return False
	if _is_outdated(alert):
		alert.mark_as_skipped()
		return False
	alert.mark_as_sent()
	facts = {"limit": alert.limit_name, "percent": alert.percent, "used": alert.get("used")}
	if locked:
		locked.record("usage_threshold_reached", alert, **facts)
	else:
		append_to_site("usage_threshold_reached", alert, **facts)
	return True


def _is_outdated(alert: AIUsageAlert) -> bool:
	if get_datetime(alert.window_ends_at) <= now_datetime():
		return True
	same = {"subscription": alert.subscription, "limit_name": alert.limit_name}
	higher = {"window_ends_at": alert.window_ends_at, "percent": (">", alert.percent)}
	return bool(frappe.db.exists("AI Usage Alert", {**same, **higher}))
