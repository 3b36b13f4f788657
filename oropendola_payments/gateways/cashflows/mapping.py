"""Cashflows' payment jobs, payments and refunds as our events.

A job is the wish to collect, its payments are the tries; only payments hold money.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal

from oropendola_payments.gateways.base import (
	Outcome,
	PaymentEvent,
	RefundEvent,
	RefundOutcome,
	RefundRequest,
)
from oropendola_payments.gateways.errors import BadAnswer
from oropendola_payments.gateways.http import member, short_text
from oropendola_payments.money import to_decimal

# Everything else, `Verified` (a card check without money) among it, is PENDING: the job may still get another payment.
PAYMENTS = {"Paid": Outcome.PAID, "Reserved": Outcome.AUTHORIZED}
DECLINES = frozenset({"Failed", "Declined", "Rejected", "Blocked"})
ENDED_WITHOUT_MONEY = DECLINES | {"Expired", "Cancelled", "Verified"}
CLOSED_JOBS = {"Expired": Outcome.EXPIRED, "Cancelled": Outcome.CANCELLED}
REFUNDS = {"Completed": RefundOutcome.REFUNDED, "Failed": RefundOutcome.FAILED}
METHODS = {"Card": "card", "CreditCard": "card", "DebitCard": "card", "PayPal": "paypal"}
REFERENCE = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
MOST = Decimal(10) ** 15


def ref_text(value) -> str | None:
	"""A reference as text. They are numbers above 2^53, so a float can only be a rounded, wrong one."""
	if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**40:
		return str(value)
	return value if isinstance(value, str) and REFERENCE.fullmatch(value) else None


def error_in(told: Mapping) -> str | None:
	"""The code of the first error in the answer's error report; warnings do not count."""
	errors = member(told, "errorReport", "errors")
	if not isinstance(errors, list) or not errors:
		return None
	return short_text(member(errors, 0, "code"), 80) or "UnnamedError"


def job_events(job: Mapping, fetch: Callable[[str], Mapping]) -> list[PaymentEvent | RefundEvent]:
	"""What the job and its payments say, at least one payment event; refunds last. `fetch` gets a payment that the job only names."""
	payments = job.get("payments")
	events, refunds = [], []
	for payment in payments if isinstance(payments, list) else []:
		reference = ref_text(member(payment, "reference"))
		if (
			reference
			and payment.get("status") in PAYMENTS
			and not payment.keys() >= {"paidAmount", "refunds"}
		):
			payment = {**payment, **fetch(reference)}
		events.append(payment_event(payment, job))
		refunds += _refunds_of(payment, job)
	if job.get("paymentStatus") == "Paid" and not any(e.outcome is Outcome.PAID for e in events):
		raise BadAnswer("Cashflows reports the payment job as paid but shows no captured payment.")
	return [*(events or [_job_event(job)]), *refunds]


def _job_event(job: Mapping) -> PaymentEvent:
	return PaymentEvent(
		outcome=CLOSED_JOBS.get(_word(job.get("paymentStatus")), Outcome.PENDING),
		reference=short_text(member(job, "order", "orderNumber")),
		order_id=ref_text(job.get("reference")),
		details={"job_status": _word(job.get("paymentStatus"))},
	)


def payment_event(payment: Mapping, job: Mapping) -> PaymentEvent:
	"""What one payment says. A try that failed closes the attempt only when its job is closed."""
	status = _word(member(payment, "status"))
	outcome = PAYMENTS.get(status) or CLOSED_JOBS.get(_word(job.get("paymentStatus")), Outcome.PENDING)
	if outcome in CLOSED_JOBS.values() and status in DECLINES:
		outcome = Outcome.FAILED
	payment_id = ref_text(member(payment, "reference"))
	amount, currency = _money(payment, job)
	has_money = outcome in (Outcome.PAID, Outcome.AUTHORIZED)
	if has_money and (amount is None or currency is None or payment_id is None):
		raise BadAnswer("Cashflows reports a payment without a reference, an amount or a currency.")
	is_ended = status in ENDED_WITHOUT_MONEY
	error = error_in({"errorReport": member(payment, "lastErrorReport")})
	return PaymentEvent(
		outcome=outcome,
		reference=short_text(member(job, "order", "orderNumber")),
		order_id=ref_text(job.get("reference")),
		payment_id=payment_id,
		amount=amount,
		currency=currency,
		method=_method(payment),
		occurred_at=_moment(job.get("paidDateTimeUtc") or member(payment, "createDateTimeUtc")),
		error_code=error or status if is_ended else None,
		reason=f"Cashflows says {status}." if is_ended else None,
		details={"payment_status": status, "job_status": _word(job.get("paymentStatus"))},
	)


def refund_in(payment: Mapping, request: RefundRequest) -> Mapping | None:
	"""Our refund among those of the payment: by our number, or by Cashflows' own reference once it is known."""
	refunds = payment.get("refunds")
	for refund in refunds if isinstance(refunds, list) else []:
		if member(refund, "refundNumber") == request.key:
			return refund
		if request.refund_id and ref_text(member(refund, "reference")) == request.refund_id:
			return refund
	return None


def asked_refund(refund: Mapping, request: RefundRequest) -> RefundEvent:
	"""Our refund, as Cashflows tells it."""
	told = refund_event(refund, request.payment_id, request.payment.order_id, request.currency)
	return replace(told, key=request.key)


def refund_event(
	refund: Mapping, payment_id: str | None, order_id: str | None, currency: str | None
) -> RefundEvent:
	return RefundEvent(
		outcome=REFUNDS.get(_word(refund.get("status")), RefundOutcome.PROCESSING),
		key=_word(refund.get("refundNumber")),
		refund_id=ref_text(refund.get("reference")),
		payment_id=payment_id,
		order_id=order_id,
		amount=_number(refund.get("amountToRefund")),
		currency=currency,
		details={"refund_status": _word(refund.get("status"))},
	)


def _refunds_of(payment: Mapping, job: Mapping) -> list[RefundEvent]:
	refunds, currency = member(payment, "refunds"), short_text(job.get("currency"), 3)
	ids = ref_text(member(payment, "reference")), ref_text(job.get("reference"))
	found = refunds if isinstance(refunds, list) else []
	return [refund_event(one, *ids, currency) for one in found if isinstance(one, Mapping)]


def _money(payment: Mapping, job: Mapping) -> tuple[Decimal | None, str | None]:
	"""What the payer paid. Money that Cashflows converted is told in the currency it became, so that it is noticed."""
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


def _number(value) -> Decimal | None:
	try:
		number = to_decimal(value)
	except ValueError:
		return None
	is_sane = 0 <= number < MOST and number.as_tuple().exponent >= -6
	return number if is_sane else None


def _method(payment: Mapping) -> str | None:
	methods = member(payment, "paymentMethods")
	name = methods[0] if isinstance(methods, list) and len(methods) == 1 else None
	return METHODS.get(_word(name))


def _word(value) -> str | None:
	return short_text(value, 40)


def _moment(text) -> datetime | None:
	if not isinstance(text, str):
		return None
	try:
		when = datetime.fromisoformat(text[:19])
	except ValueError:
		return None
	return when.replace(tzinfo=timezone.utc)
