"""A change of plan at the end of the paid period. A job makes it, and so does the first use of the day, whichever comes first."""

from datetime import date

from frappe import _
from frappe.utils import getdate

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_plan_change.ai_plan_change import AIPlanChange
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.doctype.payment_event import payment_event
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.transactions import in_transaction, lock, read
from oropendola_payments.engine.entitlements import allowances, bought_share
from oropendola_payments.engine.entitlements.paid_periods import paid_periods
from oropendola_payments.engine.entitlements.plan_change import TAKEN
from oropendola_payments.engine.entitlements.room_for_plan import make_room


def is_due(switch_on: date | str | None) -> bool:
	return bool(switch_on) and getdate(switch_on) <= today()


def switch(name: str) -> bool:
	"""Change the plan of a subscription whose day has come. Return whether it was changed. Commits."""
	return in_transaction(lambda: switch_if_due(lock("AI Subscription", name)))


def switch_if_due(subscription: AISubscription, invoice: AIInvoice | None = None) -> bool:
	"""Change the plan if the day has come and the next period is paid for, or free. The caller commits.

	The event belongs to the chain of `invoice`, which is locked, or to the chain of the site.
	"""
	plan = subscription.next_plan
	if not plan or not is_due(subscription.switch_on) or not _may_start(subscription, plan):
		return False
	change, before = _scheduled_change(subscription.name), subscription.plan
	if plan != before and not make_room(subscription, plan):
		_reject(subscription, change, plan, invoice)
		return False
	if current("AI Plan", plan).is_really_free():
		allowances.restart(subscription, plan, None)
	else:
		subscription.change_plan(plan)
	if change:
		change.mark_as_applied(ends_on=subscription.end_date)
	bought_share.recount(subscription)
	_record(subscription, invoice, before)
	return True


def follow_paid_plan(subscription: AISubscription, invoice: AIInvoice) -> None:
	"""Serve a paid period with the plan that it was paid for: at once if it runs, else from its first day."""
	if invoice.plan and invoice.plan != subscription.plan and invoice.plan != subscription.next_plan:
		subscription.schedule_change(invoice.plan, getdate(invoice.period_start))
	switch_if_due(subscription, invoice)


def forget_paid_plan(subscription: AISubscription, invoice: AIInvoice) -> None:
	"""After the refund of a period that was to be served with another plan: nobody ordered that change by itself."""
	if subscription.next_plan != invoice.plan or _scheduled_change(subscription.name):
		return
	if not any(
		period.plan == invoice.plan
		for period in paid_periods(subscription.name)
		if period.invoice != invoice.name
	):
		subscription.call_off_change()


def open_change(subscription: str) -> AIPlanChange | None:
	"""Return the open change of a subscription, locked."""
	rows = read("AI Plan Change", "`open_key` = %s FOR UPDATE", (subscription,))
	return rows[0] if rows else None


def _scheduled_change(subscription: str) -> AIPlanChange | None:
	"""Return the change that this switch carries out. One that waits for its payment is another, and paid by nothing here."""
	change = open_change(subscription)
	return change if change and change.status == "Scheduled" else None


def _may_start(subscription: AISubscription, plan: str) -> bool:
	"""Return whether the next plan can be served. Who cancelled gets no free plan after the last day, but every period that is paid."""
	if current("AI Plan", plan).is_really_free():
		goes_on = not subscription.cancel_at_period_end
		return goes_on and subscription.status in ("Active", "Trial", "Past Due")
	runs = subscription.end_date and getdate(subscription.end_date) > today()
	return subscription.status == "Active" and bool(runs)


def _reject(
	subscription: AISubscription, change: AIPlanChange | None, plan: str, invoice: AIInvoice | None
) -> None:
	"""Keep the plan, because the customer has the next one elsewhere. If this period is paid for with that one, a manager decides."""
	subscription.call_off_change()
	if change:
		change.mark_as_rejected(TAKEN)
	if not invoice or invoice.plan != plan:
		periods = paid_periods(subscription.name)
		paid = next((period.invoice for period in periods if period.plan == plan), None)
		invoice = lock("AI Invoice", paid) if paid else None
	if invoice:
		message = _(
			"This period was paid for with {0}. The customer has another subscription to that plan, so {1} goes on. Please check both."
		)
		names = (current("AI Plan", name).plan_name for name in (plan, subscription.plan))
		invoice.flag_for_review(message.format(*names))


def _record(subscription: AISubscription, invoice: AIInvoice | None, before: str) -> None:
	details = {"from_plan": before, "to_plan": subscription.plan}
	if invoice:
		invoice.record("plan_changed", subscription, **details)
	else:
		payment_event.append_to_site("plan_changed", subscription, **details)
