"""Cancel, undo, pause and resume: find the customer's subscription, then change it."""

import frappe

from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import SERVED
from oropendola_payments.engine.ending import at_period_end, now, withdrawal
from oropendola_payments.engine.ending import preview as ending_preview
from oropendola_payments.engine.ending.reasons import checked_note, reason_of
from oropendola_payments.engine.pauses import pause as pauses
from oropendola_payments.engine.pauses import resume as resuming
from oropendola_payments.engine.subscriptions.lookup import own_subscription

# Of several in these states a request must name one.
CHANGEABLE = (*SERVED, "Past Due", "Paused")


def cancel(
	user: str,
	subscription_id: str | None = None,
	wait_for_period_end: bool = True,
	reason: str | None = None,
	note: str | None = None,
) -> dict:
	"""Cancel at the end of the period, or now. Return what happened, and until when service runs."""
	known, text = reason_of(reason), checked_note(note)
	name = own_subscription(user, subscription_id, CHANGEABLE).name
	return at_period_end.cancel(name, known, text) if wait_for_period_end else now.end(name, known, text)


def undo_cancel(user: str, subscription_id: str | None = None) -> dict:
	return at_period_end.undo(own_subscription(user, subscription_id, CHANGEABLE).name)


def preview_cancellation(user: str, subscription_id: str | None = None) -> dict:
	return ending_preview.preview(own_subscription(user, subscription_id, CHANGEABLE).name)


def withdraw_contract(user: str, subscription_id: str | None = None, confirmed: bool = False) -> dict:
	"""Return what a withdrawal from the contract does. With `confirmed`, do it."""
	name = own_subscription(user, subscription_id, CHANGEABLE).name
	if not confirmed:
		return {**withdrawal.preview(frappe.get_doc("AI Subscription", name)), "confirmed": False}
	return {**withdrawal.withdraw(name), "confirmed": True}


def pause(user: str, subscription_id: str | None = None, days: int | None = None) -> dict:
	return pauses.pause(own_subscription(user, subscription_id, CHANGEABLE).name, days)


def resume(user: str, subscription_id: str | None = None) -> dict:
	return resuming.resume(own_subscription(user, subscription_id, CHANGEABLE).name)
