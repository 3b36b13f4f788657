"""The paid days that are left when a subscription ends early: their value, and how it is given back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import now_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import CONTESTED, PaymentCapture
from oropendola_payments.ai_billing.formatting import money
from oropendola_payments.ai_billing.periods import midnight
from oropendola_payments.engine.core.transactions import lock
from oropendola_payments.engine.entitlements.paid_periods import (
	PaidPeriod,
	next_paid,
	paid_periods,
	stands_on,
)
from oropendola_payments.engine.entitlements.subscription_lock import Locked
from oropendola_payments.engine.metering.unused_value import Use, used_up, uses_of
from oropendola_payments.engine.refunds import ledger
from oropendola_payments.engine.refunds import record as refund_record
from oropendola_payments.money import from_minor, to_decimal

NOTHING = "Nothing"


@dataclass(frozen=True)
class UnusedDays:
	"""What is left of the periods that were paid in one currency, tax included."""

	currency: str
	days: int
	amount: Decimal


def of(subscription: AISubscription) -> list[UnusedDays]:
	"""Return the unused days with their value, one entry for each currency. Empty without paid days.

	A day on which a key was used is no unused day, and days whose allowance is used up are worth nothing.
	"""
	day = stands_on(subscription)
	on = day + timedelta(days=1) if _was_used_on(subscription.name, day) else day
	periods: dict[str, list[PaidPeriod]] = {}
	for period in paid_periods(subscription.name, on):
		periods.setdefault(period.currency, []).append(period)
	uses = _uses(subscription, day) if periods else ()
	return [
		UnusedDays(
			currency,
			days=sum(period.days_left(on) for period in rows),
			amount=from_minor(sum(_worth(period, on, uses) for period in rows), currency),
		)
		for currency, rows in periods.items()
	]


def _was_used_on(subscription: str, day: date) -> bool:
	return bool(frappe.db.exists("AI API Key", {"subscription": subscription, "last_used_on": (">=", day)}))


def _uses(subscription: AISubscription, day: date) -> tuple[Use, ...]:
	"""Return what was used of the plan's long limits.

	A paused subscription stands on the day of its pause, and its windows move only when it resumes.
	"""
	moment = midnight(day) if subscription.status == "Paused" else now_datetime()
	return uses_of(subscription, subscription.get_plan(), moment, next_paid(subscription.name, day))


def _worth(period: PaidPeriod, on: date, uses: tuple[Use, ...]) -> int:
	"""Return the value of the days left, without what is used up."""
	by_days = period.unused(on) + period.unused_tax(on)
	return max(0, by_days - sum(used_up(amount, period, on, uses) for amount in (period.full, period.tax)))


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
			_keep_as_credit(invoice, capture, part)
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
	running = {"subscription": subscription.name, "period_end": (">", stands_on(subscription))}
	invoices = frappe.get_all("AI Invoice", running, pluck="name")
	if not invoices:
		return []
	filters = {"invoice": ("in", invoices), "currency": currency, "applied_amount": (">", 0)}
	return frappe.get_all("Payment Capture", filters, pluck="name", order_by="creation desc, name desc")


def _free(capture: PaymentCapture) -> Decimal:
	"""Return what this payment can still give back. What was too much, or was kept of it as credit, is the customer's already."""
	if capture.dispute_state in CONTESTED:
		return Decimal(0)
	return max(Decimal(0), capture.refundable() - capture.surplus_left())


def _keep_as_credit(invoice: AIInvoice, capture: PaymentCapture, part: Decimal) -> None:
	"""Keep a part as credit, beside what was too much: that is used up first, so it would be missing from the credit later."""
	taken = to_decimal(capture.credit_used or 0) + to_decimal(capture.amount_refunded or 0)
	capture.decide("Credit", surplus=taken + capture.surplus_left() + part)
	ledger.update_credited(invoice)


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
