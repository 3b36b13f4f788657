"""What a paid change of plan grants, and what a refund of it takes back. The caller holds the invoice's lock and commits."""

from datetime import date
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, getdate, now_datetime

from oropendola_payments.ai_billing.current import current
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN as OPEN_INVOICES
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_plan_change.ai_plan_change import AIPlanChange
from oropendola_payments.ai_billing.doctype.ai_plan_change_line.ai_plan_change_line import AIPlanChangeLine
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import (
	LIVE,
	MONTHS_NOT_MOVED,
	NOT_ENDING,
	NOT_PAUSED,
	AISubscription,
)
from oropendola_payments.ai_billing.periods import add_interval, today
from oropendola_payments.engine.core.transactions import lock, read
from oropendola_payments.engine.entitlements import allowances, bought_share
from oropendola_payments.engine.entitlements.paid_periods import paid_periods, stands_on
from oropendola_payments.engine.entitlements.room_for_plan import make_room
from oropendola_payments.money import from_minor, to_decimal, to_minor, unused_share

# Stored in English and translated when it is shown.
NOT_AS_QUOTED = "The plan or its paid periods were changed before the payment arrived."
TOO_LATE = "The payment arrived after the day for which the price was calculated."
OVER = "The paid period was over before the payment arrived."
TAKEN = "The customer has another subscription to this plan."

# Apply --------------------------------------------------------------------------------------------


def apply_upgrade(subscription: AISubscription, invoice: AIInvoice) -> bool:
	"""Change the plan as the customer confirmed it. Return False if that is not possible any more: then the money is surplus.

	What a late payment is too much is in `invoice.flags.price_drop`, for the double-payment policy.
	"""
	change = change_of(invoice.name)
	if not change:
		return _apply_without_quote(subscription, invoice)
	if not change.can_move_to("Applied"):
		return change.status == "Applied"
	lines = lines_of(change.name)
	reason = _reason_against(subscription, change, lines)
	if reason:
		change.mark_as_rejected(reason)
		invoice.record("plan_change_rejected", change, to_status="Rejected", reason=reason)
		return False
	returned = _reduce_price(change, lines, invoice) if _is_late(change) else Decimal(0)
	_grant(subscription, change, invoice)
	change.mark_as_applied(ends_on=subscription.end_date, returned_amount=returned)
	bought_share.recount(subscription)
	_cancel_open_renewals(subscription.name)
	return True


def change_of(invoice: str) -> AIPlanChange | None:
	"""Return the locked change that this invoice pays for."""
	rows = read("AI Plan Change", "`invoice` = %s FOR UPDATE", (invoice,))
	return rows[0] if rows else None


def lines_of(change: str) -> list[AIPlanChangeLine]:
	return read("AI Plan Change Line", "`parent` = %s ORDER BY `idx`", (change,))


def _reason_against(
	subscription: AISubscription, change: AIPlanChange, lines: list[AIPlanChangeLine]
) -> str | None:
	if subscription.plan != change.from_plan or not _still_as_quoted(subscription, lines):
		return NOT_AS_QUOTED
	if change.restarts:
		if _is_late(change) and any(line.plan_before for line in lines):
			return TOO_LATE
	elif (
		subscription.status != "Active"
		or not subscription.end_date
		or getdate(subscription.end_date) <= today()
	):
		return OVER
	return None if make_room(subscription, change.to_plan) else TAKEN


def _still_as_quoted(subscription: AISubscription, lines: list[AIPlanChangeLine]) -> bool:
	"""Compare the paid periods with those of the quote. One that has ended since is no difference; one that a pause moved is."""
	quoted = [
		(
			line.period_invoice,
			line.plan_before,
			to_minor(line.full_before or 0, line.currency),
			getdate(line.ends_on),
		)
		for line in lines
		if line.plan_before and getdate(line.ends_on) > today()
	]
	periods = paid_periods(subscription.name)
	now = [(period.invoice, period.plan, period.full, period.ends_on) for period in periods]
	return quoted == now


def _is_late(change: AIPlanChange) -> bool:
	"""Return whether the payment came after the quote, on a later day. Within its time a quote holds over midnight too."""
	in_time = not change.expires_at or get_datetime(change.expires_at) >= now_datetime()
	return not in_time and getdate(change.effective_on) < today()


def _reduce_price(change: AIPlanChange, lines: list[AIPlanChangeLine], invoice: AIInvoice) -> Decimal:
	"""Count the days that are left now, at the prices of the quote, and return what was paid too much."""
	before = sum(_due(line) for line in lines)
	for line in lines:
		_count_again(line, bool(change.prices_include_tax))
	now = sum(_due(line) for line in lines)
	total = to_minor(invoice.total(), invoice.currency)
	drop = total - unused_share(total, now, before) if before > now else 0
	invoice.flags.price_drop = from_minor(drop, invoice.currency)
	invoice.record("plan_change_paid_late", change, returned=invoice.flags.price_drop)
	return invoice.flags.price_drop


def _due(line: AIPlanChangeLine) -> int:
	return to_minor(line.charge or 0, line.currency) - to_minor(line.credit or 0, line.currency)


def _count_again(line: AIPlanChangeLine, with_tax: bool) -> None:
	left = max(
		0, min(cint(line.days_left), (getdate(line.ends_on) - max(today(), getdate(line.starts_on))).days)
	)
	values = {"days_left": left}
	days, left_before = cint(line.days), cint(line.days_left)
	for field, side in (("credit", "before"), ("charge", "after")):
		full = to_decimal(line.get(f"full_{side}") or 0)
		if with_tax:
			full += to_decimal(line.get(f"full_tax_{side}") or 0)
		whole = to_minor(full, line.currency)
		used_up = unused_share(whole, left_before, days) - to_minor(line.get(field) or 0, line.currency)
		values[field] = from_minor(max(0, unused_share(whole, left, days) - used_up), line.currency)
	line.write(**values)


def _grant(subscription: AISubscription, change: AIPlanChange, invoice: AIInvoice) -> None:
	before, plan = subscription.plan, change.to_plan
	if subscription.cancel_at_period_end:
		invoice.record("cancellation_withdrawn", subscription)
	if change.restarts:
		end = _new_end(plan, invoice)
		allowances.restart(subscription, plan, end, current_invoice=invoice.name, **NOT_ENDING)
	else:
		subscription.change_plan(plan, **NOT_ENDING)
	invoice.record("plan_changed", subscription, from_plan=before, to_plan=plan, plan_change=change.name)
	invoice.write(
		fulfilled_on=now_datetime(),
		previous_plan=before,
		period_start=today(),
		period_end=subscription.end_date,
	)


def _new_end(plan: str, invoice: AIInvoice) -> date | None:
	"""Return the end of a period that starts today. The invoice's own interval counts, even if the plan has changed since."""
	if current("AI Plan", plan).is_really_free():
		return None
	return add_interval(today(), invoice.billing_interval, cint(invoice.interval_count))


def _cancel_open_renewals(subscription: str) -> None:
	"""Cancel unpaid invoices for a period with the old plan. One that is being paid right now stays, and its plan is served then."""
	filters = {"subscription": subscription, "status": ("in", OPEN_INVOICES), "purpose": ("!=", "Upgrade")}
	for name in frappe.get_all("AI Invoice", filters, pluck="name"):
		renewal = lock("AI Invoice", name)
		if renewal.can_move_to("Cancelled"):
			renewal.mark_as_cancelled()


def _apply_without_quote(subscription: AISubscription, invoice: AIInvoice) -> bool:
	"""For an Upgrade invoice that was made by hand: change the plan and keep the end date."""
	runs = (
		subscription.status == "Active" and subscription.end_date and getdate(subscription.end_date) > today()
	)
	plan = invoice.plan
	if not runs or not plan or plan == subscription.plan or not make_room(subscription, plan):
		return False
	before = subscription.plan
	subscription.change_plan(plan)
	invoice.record("plan_changed", subscription, from_plan=before, to_plan=plan)
	if subscription.withdraw_cancellation():
		invoice.record("cancellation_withdrawn", subscription)
	invoice.write(
		fulfilled_on=now_datetime(),
		previous_plan=before,
		period_start=today(),
		period_end=subscription.end_date,
	)
	return True


# Take back ----------------------------------------------------------------------------------------


def revert_upgrade(subscription: AISubscription, invoice: AIInvoice) -> None:
	"""Go back to the plan and the end date before a refunded upgrade."""
	change, before = change_of(invoice.name), invoice.previous_plan
	if not before or (change and change.status != "Applied"):
		return
	if subscription.status not in LIVE:
		if change:
			change.mark_as_reverted()
		return
	if not _is_latest(subscription, change, invoice) or not make_room(subscription, before):
		invoice.flag_for_review(
			_("The plan was changed again after the refunded upgrade. Please check the subscription.")
		)
		return
	if change:
		change.mark_as_reverted()
	_go_back(subscription, change, before)
	_keep_later_plan(subscription, since=getdate(invoice.fulfilled_on))
	bought_share.recount(subscription)
	invoice.record("plan_change_taken_back", subscription, from_plan=invoice.plan, to_plan=before)


def _is_latest(subscription: AISubscription, change: AIPlanChange | None, invoice: AIInvoice) -> bool:
	if subscription.plan != invoice.plan:
		return False
	if not change:
		return True
	if change.restarts and any(period.invoice != invoice.name for period in paid_periods(subscription.name)):
		return False  # a renewal was paid after it
	later = {"subscription": subscription.name, "status": "Applied", "applied_on": (">", change.applied_on)}
	return not frappe.db.exists("AI Plan Change", later)


def _go_back(subscription: AISubscription, change: AIPlanChange | None, plan: str) -> None:
	if not change or not change.restarts:
		subscription.change_plan(plan)
		return
	day = stands_on(subscription)
	periods = paid_periods(subscription.name, day)  # those that the upgrade had replaced count again
	if periods:
		subscription.change_plan(plan)
		subscription.write(
			start_date=min(periods[0].starts_on, day),
			end_date=periods[-1].ends_on,
			current_invoice=periods[-1].invoice,
			**MONTHS_NOT_MOVED,
		)
		allowances.follow_period(subscription, day)
		allowances.follow_month(subscription, periods[0], day, get_datetime(change.applied_on))
	elif current("AI Plan", plan).is_really_free():
		allowances.restart(subscription, plan, None, **NOT_PAUSED)
	else:
		subscription.cancel()


def _keep_later_plan(subscription: AISubscription, since: date) -> None:
	"""A period that began after the upgrade, or will begin, is served with the plan that it was paid for."""
	for period in paid_periods(subscription.name, stands_on(subscription)):
		if period.plan != subscription.plan and period.starts_on > since:
			subscription.schedule_change(period.plan, period.starts_on)
			return


def upgrade_over(invoice: str) -> str | None:
	"""Return the invoice of an applied upgrade that counted the unused days of this invoice, or None."""
	lines = frappe.get_all("AI Plan Change Line", {"period_invoice": invoice}, pluck="parent")
	if not lines or not _is_running(invoice):
		return None
	changes = {"name": ("in", lines), "status": "Applied", "invoice": ("!=", invoice)}
	return frappe.db.get_value("AI Plan Change", changes, "invoice", order_by="applied_on desc")


def _is_running(invoice: str) -> bool:
	"""Return whether the period of an invoice is not over. A pause moves its end, and not that in the lines of a change."""
	row = frappe.db.get_value("AI Invoice", invoice, ["subscription", "period_end"], as_dict=True)
	subscription: AISubscription = frappe.get_doc("AI Subscription", row.subscription)
	return bool(row.period_end) and getdate(row.period_end) > stands_on(subscription)
