"""Cashfree's payments, refunds and disputes, read without trusting their types."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from oropendola_payments.gateways.base import (
	DisputeEvent,
	Outcome,
	PaymentEvent,
	RefundEvent,
	RefundOutcome,
)
from oropendola_payments.gateways.http import member, short_text
from oropendola_payments.money import to_decimal

REFUND_OUTCOMES = {
	"SUCCESS": RefundOutcome.REFUNDED,
	"FAILED": RefundOutcome.FAILED,
	"CANCELLED": RefundOutcome.FAILED,
}
ORDER_OUTCOMES = {"EXPIRED": Outcome.EXPIRED, "TERMINATED": Outcome.CANCELLED}
# States of a try that cannot take money any more; the order stays payable by another try until it expires.
ENDED = frozenset({"FAILED", "USER_DROPPED", "CANCELLED", "VOID", "NOT_ATTEMPTED"})
MOST_MONEY = Decimal(10) ** 12
DIGITS = re.compile(r"\d{6,}")


def id_of(value) -> str | None:
	"""An id; Cashfree sends it as text from version 2023-08-01 on and as a number before and in disputes."""
	is_number = isinstance(value, int) and not isinstance(value, bool)
	return short_text(str(value) if is_number else value)


def amount_of(value) -> Decimal | None:
	"""A positive amount in major units, or None."""
	if isinstance(value, str) and not short_text(value, 30):
		return None
	if not isinstance(value, (int, Decimal, str)):
		return None
	try:
		amount = to_decimal(value)
	except ValueError:
		return None
	return amount if 0 < amount < MOST_MONEY else None


def currency_of(value) -> str | None:
	text = short_text(value, 3)
	return text.upper() if text and len(text) == 3 and text.isascii() and text.isalpha() else None


def moment_of(value) -> datetime | None:
	text = short_text(value, 40)
	try:
		moment = datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
	except ValueError:
		return None
	return moment if moment and moment.tzinfo else None


def sentence_of(value) -> str | None:
	"""A sentence of the gateway for a manager, without numbers that could belong to a person."""
	text = short_text(value, 200)
	return DIGITS.sub("…", text) if text else None


def payment_event(payment: Mapping, reference: str | None, order_id: str | None = None) -> PaymentEvent:
	"""What one try says about the money. A try that took none is PENDING: the order may still be paid by another."""
	outcome, amount = _money(payment)
	payment_id, currency = id_of(payment.get("cf_payment_id")), currency_of(payment.get("payment_currency"))
	reason = sentence_of(member(payment, "error_details", "error_description"))
	reason = reason or sentence_of(payment.get("payment_message"))
	if outcome is not Outcome.PENDING and not (payment_id and amount and currency):
		outcome, reason = (
			Outcome.PENDING,
			"Cashfree reports a successful payment without its amount.",
		)
	return PaymentEvent(
		outcome,
		reference,
		order_id,
		payment_id=payment_id if outcome is not Outcome.PENDING else None,
		amount=amount,
		currency=currency,
		method=short_text(payment.get("payment_group"), 40),
		occurred_at=moment_of(payment.get("payment_completion_time"))
		or moment_of(payment.get("payment_time")),
		error_code=short_text(member(payment, "error_details", "error_code")),
		reason=reason,
		details={"cf_payment_id": payment_id, "payment_status": status_of(payment)},
	)


def status_of(payment: Mapping) -> str | None:
	"""The state of a try; a success whose hold was given back counts as VOID."""
	status = short_text(payment.get("payment_status"), 40)
	is_void = payment.get("is_captured") is False and member(payment, "authorization", "action") == "VOID"
	return "VOID" if status == "SUCCESS" and is_void else status


def unpaid_event(
	order: Mapping, payments: list[Mapping], reference: str, order_id: str | None
) -> PaymentEvent:
	"""What an order says of which no try took or holds money."""
	states = {status_of(payment) for payment in payments}
	word = short_text(order.get("order_status"), 40)
	outcome = ORDER_OUTCOMES.get(word, Outcome.PENDING)
	if "VOID" in states and word == "PAID":
		outcome = Outcome.FAILED
	if states - ENDED:
		outcome = Outcome.PENDING  # a try is under way, or in a state that we do not know
	last = payment_event(payments[0], reference, order_id) if payments else None
	return PaymentEvent(
		outcome,
		reference,
		order_id,
		method=last.method if last else None,
		error_code=last.error_code if last else None,
		reason=last.reason if last else None,
		details={"order_status": word, "attempts": len(payments)},
	)


def refund_event(refund: Mapping, key: str | None, occurred_at: datetime | None = None) -> RefundEvent:
	return RefundEvent(
		REFUND_OUTCOMES.get(short_text(refund.get("refund_status"), 40), RefundOutcome.PROCESSING),
		key=key,
		refund_id=id_of(refund.get("cf_refund_id")),
		payment_id=id_of(refund.get("cf_payment_id")),
		reference=short_text(refund.get("order_id")),
		amount=amount_of(refund.get("refund_amount")),
		currency=currency_of(refund.get("refund_currency")),
		occurred_at=occurred_at,
		reason=sentence_of(refund.get("status_description")),
		details={"type": short_text(refund.get("refund_type"), 40)},
	)


def dispute_event(data: Mapping, occurred_at: datetime | None) -> DisputeEvent:
	dispute, order = member(data, "dispute"), member(data, "order_details")
	status = (short_text(member(dispute, "dispute_status"), 60) or "").strip('"')
	is_lost = status.endswith(("_MERCHANT_LOST", "_MERCHANT_ACCEPTED"))
	currency = currency_of(member(dispute, "dispute_amount_currency"))
	return DisputeEvent(
		"won" if status.endswith("_MERCHANT_WON") else "lost" if is_lost else "open",
		payment_id=id_of(member(order, "cf_payment_id")),
		reference=short_text(member(order, "order_id")),
		amount=amount_of(member(dispute, "dispute_amount")),
		currency=currency or currency_of(member(order, "payment_currency")),
		occurred_at=occurred_at,
		dispute_id=id_of(member(dispute, "dispute_id")),
		reason=sentence_of(member(dispute, "reason_description")),
		details={"dispute_id": id_of(member(dispute, "dispute_id")), "status": status},
	)


def _money(payment: Mapping) -> tuple[Outcome, Decimal | None]:
	"""Taken, held, or neither. A success that is not captured is a hold, not a payment."""
	amount, action = _amount(payment), member(payment, "authorization", "action")
	if status_of(payment) != "SUCCESS":
		return Outcome.PENDING, amount
	if payment.get("is_captured") in (None, True):
		captured = amount_of(member(payment, "authorization", "captured_amount"))
		return Outcome.PAID, captured if captured and action == "CAPTURE" else amount
	if action == "CAPTURE":
		return Outcome.PENDING, amount  # the capture is under way
	return Outcome.AUTHORIZED, amount


def _amount(payment: Mapping) -> Decimal | None:
	"""What was paid for the order; a service fee that Cashfree adds for the customer is on top of it and not ours."""
	paid, ordered = amount_of(payment.get("payment_amount")), amount_of(payment.get("order_amount"))
	return min(paid, ordered) if paid and ordered else paid
