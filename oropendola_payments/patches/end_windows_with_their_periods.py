"""Windows of a period end with what the invoice paid for. They ended on the day of the month on which the subscription began."""

import frappe
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.entitlements import allowances


def execute() -> None:
	running = {"time_window": "Period", "ends_at": (">", now_datetime())}
	for name in frappe.get_all("AI Usage Window", running, pluck="subscription", distinct=True):
		in_transaction(_follow, name)


def _follow(name: str) -> None:
	allowances.follow_period(lock("AI Subscription", name), today())
