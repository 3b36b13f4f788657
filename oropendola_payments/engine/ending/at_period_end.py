"""Cancel at the end of the period: everything works until then, nobody is reminded, and it can be undone."""

import frappe
from frappe import _
from frappe.utils import getdate

from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import ENDING, AISubscription
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.ending import now
from oropendola_payments.engine.entitlements.subscription_lock import Locked, lock_with_invoices
from oropendola_payments.engine.notifications import subscription_mails
from oropendola_payments.exceptions import Conflict


def cancel(name: str, reason: str = "", note: str | None = None) -> dict:
	"""Cancel on the end date. What has no paid or trial days left, such as a free plan, ends now.

	A second call changes nothing but the reason, if it gives one.
	"""
	return in_transaction(_cancel, name, reason, note)


def undo(name: str) -> dict:
	"""Withdraw the cancellation. Raises Conflict once the subscription has ended. A second call changes nothing."""
	return in_transaction(_undo, name)


def end_if_due(name: str) -> bool:
	"""End a subscription whose cancellation is due. Return False if there is nothing to do."""
	return in_transaction(_end_if_due, name)


def is_due(row: AISubscription | frappe._dict) -> bool:
	"""Return whether the end date of a scheduled cancellation has come."""
	if not row.cancel_at_period_end or row.status not in ENDING:
		return False
	return bool(row.end_date) and getdate(row.end_date) <= today()


def can_wait(subscription: AISubscription) -> bool:
	"""Return whether there is service left, so that the cancellation can wait for the end date."""
	has_days = bool(subscription.end_date) and getdate(subscription.end_date) > today()
	return subscription.status == "Paused" or (subscription.status in ("Trial", "Active") and has_days)


def _cancel(name: str, reason: str, note: str | None) -> dict:
	whole = lock_with_invoices(name)
	subscription = whole.subscription
	if not can_wait(subscription):
		return now.end_locked(whole, reason, note)
	if not subscription.cancel_at_period_end:
		_cancel_unpaid_renewals(whole)
		whole.record("cancellation_scheduled", reason=reason, end_date=subscription.end_date)
		subscription.schedule_cancellation(reason, note)
		subscription_mails.enqueue("cancellation_scheduled", name)
	elif reason or note:
		subscription.schedule_cancellation(
			reason or subscription.cancel_reason, note or subscription.cancel_note
		)
	return facts(subscription)


def _cancel_unpaid_renewals(whole: Locked) -> None:
	"""Cancel unpaid renewals, so that nobody is asked for them. One whose payment is in progress stays, and withdraws the cancellation when it is paid."""
	for invoice in whole.open_invoices():
		if invoice.purpose != "Upgrade" and invoice.can_move_to("Cancelled"):
			invoice.mark_as_cancelled()


def _undo(name: str) -> dict:
	whole = lock_with_invoices(name)
	subscription = whole.subscription
	if subscription.status == "Cancelled" or is_due(subscription):
		raise Conflict(_("This subscription has already ended. You can choose a plan again at any time."))
	if subscription.withdraw_cancellation():
		whole.record("cancellation_undone", end_date=subscription.end_date)
		subscription_mails.enqueue("cancellation_undone", name)
	return facts(subscription)


def _end_if_due(name: str) -> bool:
	whole = lock_with_invoices(name)
	if not is_due(whole.subscription):
		return False
	now.end_locked(whole)
	return True


def facts(subscription: AISubscription | frappe._dict) -> dict:
	"""Return what happened, and until when service runs. `ends_on` is the first day without service."""
	return {
		"subscription_id": subscription.name,
		"status": subscription.status,
		"cancel_at_period_end": bool(subscription.cancel_at_period_end),
		"ends_on": getdate(subscription.end_date) if subscription.cancel_at_period_end else None,
	}
