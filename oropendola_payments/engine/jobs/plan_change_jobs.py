"""Jobs for changes of plan: close those that were not paid in time, make those whose day has come, and send their emails."""

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.batch import enqueue_sweep, for_each
from oropendola_payments.engine.entitlements.scheduled_change import switch
from oropendola_payments.engine.plan_changes import lapse, mails

THIS = "oropendola_payments.engine.jobs.plan_change_jobs"


def settle_plan_changes() -> None:
	enqueue_sweep(f"{THIS}.run_plan_changes")


def run_plan_changes() -> None:
	"""Lapse, switch and tell. Each of them can run again without harm."""
	with acting_as("Sweep"):
		lapse.lapse_due()
		due = {"switch_on": ("<=", today()), "status": ("in", ("Active", "Trial", "Past Due"))}
		for_each("AI Subscription", due, switch)
		mails.tell_due()
