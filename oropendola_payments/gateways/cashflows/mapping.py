"""Cashflows' payment jobs, payments and refunds as our events.

A job is what shall be collected, its payments are the attempts; only payments hold money.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from oropendola_payments.gateways.base import (
	FailureClass,
	Outcome,
	PaymentEvent,
	RefundEvent,
	RefundOutcome,
	RefundRequest,
)
from oropendola_payments.gateways.errors import BadAnswer
from oropendola_payments.gateways.methods import common_method
from oropendola_payments.gateways.parsing import (
	entries_in,
	iso_time,
	matching,
	member,
	short_text,
	whole_number,
)
from oropendola_payments.money import to_decimal

# Everything else, `Verified` (a card check without money) among it, is PENDING: the job may still get another payment.
PAYMENTS: Mapping[str | None, Outcome] = {"Paid": Outcome.PAID, "Reserved": Outcome.AUTHORIZED}
DECLINES = frozenset({"Failed", "Declined", "Rejected", "Blocked"})
ENDED_WITHOUT_MONEY = DECLINES | {"Expired", "Cancelled", "Verified"}
CLOSED_JOBS: Mapping[str | None, Outcome] = {"Expired": Outcome.EXPIRED, "Cancelled": Outcome.CANCELLED}
REFUNDS: Mapping[str | None, RefundOutcome] = {
	"Completed": RefundOutcome.REFUNDED,
	"Failed": RefundOutcome.FAILED,
}
METHODS = {"creditcard": "card", "debitcard": "card"}
REFERENCE = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
MAX_AMOUNT = Decimal(10) ** 15


def reference_in(value: Any) -> str | None:
	"""A reference as text, or None. They are numbers above 2^53, so a float can only be a rounded, wrong one."""
	number = whole_number(value)
	if number is not None and 0 < number < 10**40:
		return str(number)
	return matching(REFERENCE, value)


def error_in(content: Mapping[str, Any]) -> str | None:
	"""The code of the first error in the answer's error report; warnings do not count."""
	errors = member(content, "errorReport", "errors")
	if not isinstance(errors, list) or not errors:
		return None
	return short_text(member(errors, 0, "code"), 80) or "UnnamedError"


def job_events(
	job: Mapping[str, Any], fetch: Callable[[str], Mapping[str, Any]]
) -> list[PaymentEvent | RefundEvent]:
	"""What the job and its payments say, at least one payment event; refunds last. `fetch` gets a payment that the job only names."""
	payments = job.get("payments")
	events: list[PaymentEvent] = []
	refunds: list[RefundEvent] = []
	for payment in payments if isinstance(payments, list) else []:
		reference = reference_in(member(payment, "reference"))
		if (
			reference
			and _word(payment.get("status")) in PAYMENTS
			and not payment.keys() >= {"paidAmount", "refunds"}
		):
			payment = {**payment, **fetch(reference)}
		events.append(payment_event(payment, job))
		refunds += _refunds_of(payment, job)
	if job.get("paymentStatus") == "Paid" and not any(e.outcome is Outcome.PAID for e in events):
		raise BadAnswer("Cashflows reports the payment job as paid but shows no captured payment.")
	return [*(events or [_job_event(job)]), *refunds]


def _job_event(job: Mapping[str, Any]) -> PaymentEvent:
	return PaymentEvent(
		outcome=CLOSED_JOBS.get(_word(job.get("paymentStatus")), Outcome.PENDING),
		reference=short_text(member(job, "order", "orderNumber")),
		order_id=reference_in(job.get("reference")),
		details={"job_status": _word(job.get("paymentStatus"))},
	)


def payment_event(payment: Any, job: Mapping[str, Any]) -> PaymentEvent:
	"""The state of one payment. A decline closes the attempt only when its job is closed."""
	status = _word(member(payment, "status"))
	outcome = PAYMENTS.get(status) or CLOSED_JOBS.get(_word(job.get("paymentStatus")), Outcome.PENDING)
	if outcome in CLOSED_JOBS.values() and status in DECLINES:
		outcome = Outcome.FAILED
	payment_id = reference_in(member(payment, "reference"))
	amount, currency = _money(payment, job)
	has_money = outcome in (Outcome.PAID, Outcome.AUTHORIZED)
	if has_money and (amount is None or currency is None or payment_id is None):
		raise BadAnswer("Cashflows reports a payment without a reference, an amount or a currency.")
	is_ended = status in ENDED_WITHOUT_MONEY
	error = error_in({"errorReport": member(payment, "lastErrorReport")})
	return PaymentEvent(
		outcome=outcome,
		reference=short_text(member(job, "order", "orderNumber")),
		order_id=reference_in(job.get("reference")),
		payment_id=payment_id,
		amount=amount,
		currency=currency,
		method=_method(payment),
		occurred_at=_paid_at(payment, job),
		error_code=error or status if is_ended else None,
		reason=f"Cashflows says {status}." if is_ended else None,
		details={"payment_status": status, "job_status": _word(job.get("paymentStatus"))},
	)


def refund_in(payment: Mapping[str, Any], request: RefundRequest) -> Mapping[str, Any] | None:
	"""Our refund among those of the payment: by our number, or by Cashflows' own reference once it is known."""
	for refund in entries_in(payment.get("refunds")):
		if refund.get("refundNumber") == request.key:
			return refund
		if request.refund_id and reference_in(refund.get("reference")) == request.refund_id:
			return refund
	return None


def own_refund_event(refund: Mapping[str, Any], request: RefundRequest) -> RefundEvent:
	"""The state of a refund that we made."""
	event = refund_event(refund, request.payment_id, request.payment.order_id, request.currency)
	return replace(event, key=request.key)


def refund_event(
	refund: Mapping[str, Any], payment_id: str | None, order_id: str | None, currency: str | None
) -> RefundEvent:
	"""The state of a refund, made by us or in the Portal."""
	return RefundEvent(
		outcome=REFUNDS.get(_word(refund.get("status")), RefundOutcome.PROCESSING),
		key=_word(refund.get("refundNumber")),
		refund_id=reference_in(refund.get("reference")),
		payment_id=payment_id,
		order_id=order_id,
		amount=_number(refund.get("amountToRefund")),
		currency=currency,
		details={"refund_status": _word(refund.get("status"))},
	)


def _refunds_of(payment: Any, job: Mapping[str, Any]) -> list[RefundEvent]:
	currency = short_text(job.get("currency"), 3)
	ids = reference_in(member(payment, "reference")), reference_in(job.get("reference"))
	return [refund_event(refund, *ids, currency) for refund in entries_in(member(payment, "refunds"))]


def _money(payment: Any, job: Mapping[str, Any]) -> tuple[Decimal | None, str | None]:
	"""What the payer paid. Converted money is reported in the currency it became, so that it is noticed."""
	currency, converted = job.get("currency"), member(payment, "convertedCurrency")
	if converted and converted != currency:
		return _number(member(payment, "convertedTotalAmount")), short_text(converted, 3)
	for value in (
		member(payment, "paidAmount"),
		member(payment, "amountToCollect"),
		job.get("amountToCollect"),
	):
		if value is not None:
			return _number(value), short_text(currency, 3)
	return None, None


def _number(value: Any) -> Decimal | None:
	try:
		number = to_decimal(value)
	except ValueError:
		return None
	exponent = number.as_tuple().exponent
	is_plausible = 0 <= number < MAX_AMOUNT and isinstance(exponent, int) and exponent >= -6
	return number if is_plausible else None


def _method(payment: Any) -> str | None:
	methods = member(payment, "paymentMethods")
	name = methods[0] if isinstance(methods, list) and len(methods) == 1 else None
	return common_method(_word(name), METHODS)


def _word(value: Any) -> str | None:
	return short_text(value, 40)


def _paid_at(payment: Any, job: Mapping[str, Any]) -> datetime | None:
	"""Times are UTC, with or without an offset that says so."""
	text = job.get("paidDateTimeUtc") or member(payment, "createDateTimeUtc")
	return iso_time(text[:19], timezone.utc) if isinstance(text, str) else None


# What a failed payment means for another try, by the state of a payment that ended without money
FAILURE_CLASSES = {
	"Cancelled": FailureClass.LEFT,
	"Expired": FailureClass.LEFT,
	"Declined": FailureClass.SOFT,
	"Failed": FailureClass.SOFT,
	"Rejected": FailureClass.SOFT,
	"Blocked": FailureClass.HARD,
}
