"""Jobs for credits: remind of what expires, expire what is over, give back what nobody uses, and cancel orders that nobody has paid."""

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.engine.core.batch import enqueue_sweep
from oropendola_payments.engine.dunning import credit_reminders
from oropendola_payments.engine.top_ups import lapse
from oropendola_payments.engine.usage_ledger import held_credits
from oropendola_payments.engine.wallet import expiry

THIS = "oropendola_payments.engine.jobs.credit_jobs"


def expire_credits() -> None:
	enqueue_sweep(f"{THIS}.run_credit_expiry")


def send_expiry_reminders() -> None:
	enqueue_sweep(f"{THIS}.run_expiry_reminders")


def run_expiry_reminders() -> int:
	"""Remind customers of credits that expire soon."""
	with acting_as("Sweep"):
		return credit_reminders.remind_all()


def give_back_held_credits() -> None:
	enqueue_sweep(f"{THIS}.run_give_back")


def run_give_back() -> int:
	"""Give back the credits of leases and reservations that nobody has closed. Return how many they were."""
	with acting_as("Sweep"):
		return held_credits.give_back_due()


def run_credit_expiry() -> dict[str, int]:
	"""Expire credits whose last day is over, and cancel overdue orders of packs. Return how many of both."""
	with acting_as("Sweep"):
		return {"expired": expiry.expire_due(), "cancelled": lapse.cancel_overdue()}
