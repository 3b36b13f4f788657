"""The paid days that are left when a subscription ends early: their value, and how it is given back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import frappe
from frappe import _
from frappe.utils import getdate, now_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import CONTESTED, PaymentCapture
from oropendola_payments.ai_billing.formatting import money
from oropendola_payments.ai_billing.periods import midnight, today
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.entitlements.paid_periods import PaidPeriod, paid_periods
from oropendola_payments.engine.entitlements.subscription_lock import Locked
from oropendola_payments.engine.metering import counters
from oropendola_payments.engine.metering.quota import term_of
from oropendola_payments.engine.refunds import record as refund_record
from oropendola_payments.money import from_minor, to_decimal, unused_share

NOTHING = "Nothing"
NOTHING_USED = (1, 1)  # all of one allowance is left


@dataclass(frozen=True)
class UnusedDays:
	"""What is left of the periods that were paid in one currency, tax included."""

	currency: str
	days: int
	amount: Decimal


def of(subscription: AISubscription) -> list[UnusedDays]:
	"""Return the unused days with their value, one entry for each currency. Empty without paid days.

	A day on which a key was used is no unused day, and of a period whose allowance was used nothing of that share is left: otherwise a
	customer could use all of it, get the money back, and start again.
	"""
	day = _day_of(subscription)
	on = day + timedelta(days=1) if _was_used_on(subscription.name, day) else day
	periods: dict[str, list[PaidPeriod]] = {}
	for period in paid_periods(subscription.name, on):
		periods.setdefault(period.currency, []).append(period)
	left = _allowance_left(subscription, day) if periods else NOTHING_USED
	return [
		UnusedDays(
			currency,
			days=sum(period.days_left(on) for period in rows),
			amount=from_minor(
				sum(_worth(period, on, left if period.starts_on <= day else NOTHING_USED) for period in rows),
				currency,
			),
		)
		for currency, rows in periods.items()
	]


def _day_of(subscription: AISubscription) -> date:
	"""Return the first unused day: today, or the day of the pause."""
	return getdate(subscription.paused_on) if subscription.status == "Paused" else today()


def _was_used_on(subscription: str, day: date) -> bool:
	return bool(frappe.db.exists("AI API Key", {"subscription": subscription, "last_used_on": (">=", day)}))


def _allowance_left(subscription: AISubscription, day: date) -> tuple[int, int]:
	"""Return what is left of the running period's allowance, and all of it; of several limits, the one that was used most.

	A paused subscription stands on the day of its pause, and its windows move only when it resumes.
	"""
	plan = subscription.get_plan()
	limits = [limit for limit in plan.limits if limit.time_window == "Period"]
	term, rows = term_of(subscription, plan), counters.rows_of(subscription.name)
	moment = midnight(day) if subscription.status == "Paused" else now_datetime()
	windows = counters.windows_from(rows, subscription.name, limits, term, moment)
	found = [(window.remaining, window.limit) for window in windows]
	return min(found, key=lambda left: Fraction(*left), default=NOTHING_USED)


def _worth(period: PaidPeriod, on: date, left: tuple[int, int]) -> int:
	"""Return the value of the days left, or of the allowance left if that is less. Days that were not paid for are no part of either."""
	by_days = period.unused(on) + period.unused_tax(on)
	by_use = sum(
		unused_share(amount, *left) - unused_share(amount, period.days_owed, period.days)
		for amount in (period.full, period.tax)
	)
	return max(0, min(by_days, by_use))


def policy_of(subscription: AISubscription) -> str:
	return subscription.get_plan().unused_on_cancel or NOTHING


def can_give_back(subscription: AISubscription, unused: UnusedDays) -> Decimal:
	"""Return how much of the value the payments still hold; the rest was refunded or spent before."""
	names = _captures(subscription, unused.currency)
	held = sum((_free(frappe.get_doc("Payment Capture", name)) for name in names), Decimal(0))
	return min(unused.amount, held)


def give_back(whole: Locked, unused: UnusedDays, policy: str) -> Decimal:
	"""Give back the value as credit or refund, out of the youngest payments first. The caller commits.

	Return the amount. It is never more than what the payments still hold.
	"""
	left = unused.amount
	for invoice, capture, part in _parts(whole, unused.currency, left):
		left -= part
		invoice.record(
			"unused_days_given_back", capture, to_status=policy, amount=part, currency=unused.currency
		)
		if policy == "Credit" and not capture.credit_from:
			_keep_as_credit(capture, part)
		else:
			_refund(whole, invoice, capture, part)
	return unused.amount - left


def _parts(
	whole: Locked, currency: str, amount: Decimal
) -> Iterator[tuple[AIInvoice, PaymentCapture, Decimal]]:
	invoices = {invoice.name: invoice for invoice in whole.invoices}
	for name in _captures(whole.subscription, currency):
		capture = lock("Payment Capture", name)
		part = min(amount, _free(capture))
		if part > 0:
			amount -= part
			yield invoices[capture.invoice], capture, part


def _captures(subscription: AISubscription, currency: str) -> list[str]:
	"""Return the payments for periods that are not over, upgrades included, the youngest first."""
	running = {"subscription": subscription.name, "period_end": (">", _day_of(subscription))}
	invoices = frappe.get_all("AI Invoice", running, pluck="name")
	if not invoices:
		return []
	filters = {"invoice": ("in", invoices), "currency": currency, "applied_amount": (">", 0)}
	return frappe.get_all("Payment Capture", filters, pluck="name", order_by="creation desc, name desc")


def _free(capture: PaymentCapture) -> Decimal:
	"""Return what this payment can still give back. Credit that was kept of it is the customer's already."""
	if capture.dispute_state in CONTESTED:
		return Decimal(0)
	return max(Decimal(0), capture.refundable() - capture.credit_left())


def _keep_as_credit(capture: PaymentCapture, part: Decimal) -> None:
	taken = to_decimal(capture.credit_used or 0) + to_decimal(capture.amount_refunded or 0)
	capture.write(resolution="Credit", surplus=taken + capture.credit_left() + part)


def _refund(whole: Locked, invoice: AIInvoice, capture: PaymentCapture, part: Decimal) -> None:
	"""Open a refund, which is sent after the commit. What no gateway can send back is flagged for a manager."""
	if capture.credit_from or refund_record.can_refund(capture, part):
		reason = _("The subscription was cancelled before the end of its paid period.")
		key = f"unused:{whole.subscription.name}:{capture.name}"
		refund_record.open_refund(invoice, capture, part, reason, key)
		return
	message = _(
		"{0} has to be refunded for unused days of payment {1}. Please send it and record the refund here."
	)
	invoice.flag_for_review(message.format(money(part, capture.currency), capture.gateway_payment_id))
