"""Razorpay's payments, refunds and disputes as our events. What cannot be read raises ValueError.

https://razorpay.com/docs/api/payments/entity, https://razorpay.com/docs/webhooks/payments and
https://razorpay.com/docs/payments/refunds/auto-refunds
"""

import re
from collections.abc import Mapping
from typing import Any

from oropendola_payments.gateways.base import (
	HOLD_RETURNED,
	DisputeEvent,
	FailureClass,
	Outcome,
	PaymentEvent,
	RefundEvent,
	RefundOutcome,
)
from oropendola_payments.gateways.methods import common_method
from oropendola_payments.gateways.parsing import (
	entity_of,
	filled,
	matching,
	member,
	minor_amount,
	sentence_of,
	short_text,
	unix_time,
)

# https://razorpay.com/docs/payments/international-payments; some, such as MGA and IQD, differ from CLDR.
METHODS = {"emandate": "bank", "nach": "bank"}
ZERO_DECIMAL = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split()  # noqa: SIM905
THREE_DECIMAL = "BHD IQD JOD KWD OMR TND".split()  # noqa: SIM905
EXPONENTS = {**dict.fromkeys(ZERO_DECIMAL, 0), **dict.fromkeys(THREE_DECIMAL, 3)}
AMOUNT_DECIMALS = dict.fromkeys(THREE_DECIMAL, 2)
# `failed` is missing on purpose: its order can still be paid, and it can itself be captured days later.
OUTCOMES: Mapping[str | None, Outcome] = {
	"authorized": Outcome.AUTHORIZED,
	"captured": Outcome.PAID,
	"refunded": Outcome.PAID,
}
REFUND_OUTCOMES: Mapping[str | None, RefundOutcome] = {
	"processed": RefundOutcome.REFUNDED,
	"failed": RefundOutcome.FAILED,
}
DISPUTE_STATES: Mapping[str | None, str] = {"won": "won", "closed": "won", "lost": "lost"}
ID = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)


def exponent_of(currency: str) -> int:
	"""The number of decimals in which Razorpay counts a currency."""
	return EXPONENTS.get(currency.upper(), 2)


def payment_event(entity: Any) -> PaymentEvent:
	"""The state of a payment. A payment is `refunded` too when only a hold was given back, so nothing was taken."""
	status = short_text(entity_of(entity, "payment").get("status"))
	is_returned = status == "refunded" and was_never_captured(entity)
	outcome = Outcome.FAILED if is_returned else OUTCOMES.get(status, Outcome.PENDING)
	amount, currency = minor_amount(entity, "amount", exponent_of)
	if outcome is not Outcome.PENDING and (amount is None or not matching(ID, entity.get("id"))):
		raise ValueError("a payment without id, amount or currency")
	return PaymentEvent(
		outcome,
		reference=reference_of(entity),
		order_id=short_text(entity.get("order_id")),
		payment_id=short_text(entity.get("id")),
		amount=amount,
		currency=currency,
		method=common_method(short_text(entity.get("method")), METHODS),
		occurred_at=unix_time(entity.get("created_at")),
		error_code=HOLD_RETURNED
		if is_returned
		else short_text(entity.get("error_reason")) or short_text(entity.get("error_code")),
		reason=sentence_of(entity.get("error_description")),
		details=_details(entity),
	)


def was_never_captured(payment: Any) -> bool:
	"""Whether a refund of this payment only gave back a hold. Of other payments the flag says nothing: failed ones carry it too."""
	return member(payment, "captured") is False


def refund_event(entity: Any) -> RefundEvent:
	"""The state of a refund, with our key where we made it."""
	amount, currency = minor_amount(entity_of(entity, "refund"), "amount", exponent_of)
	details = {
		"speed": short_text(entity.get("speed_processed")),
		"arn": short_text(member(entity, "acquirer_data", "arn")),
	}
	return RefundEvent(
		REFUND_OUTCOMES.get(short_text(entity.get("status")), RefundOutcome.PROCESSING),
		key=short_text(member(entity, "notes", "refund")) or short_text(entity.get("receipt")),
		refund_id=short_text(entity.get("id")),
		payment_id=short_text(entity.get("payment_id")),
		reference=reference_of(entity),
		amount=amount,
		currency=currency,
		details=filled(details),
	)


def dispute_event(entity: Any, payment: Any) -> DisputeEvent:
	"""The state of a dispute; a closed one is won unless an amount was deducted."""
	amount, currency = minor_amount(entity_of(entity, "dispute"), "amount", exponent_of)
	state = DISPUTE_STATES.get(short_text(entity.get("status")), "open")
	return DisputeEvent(
		"lost" if state == "won" and entity.get("amount_deducted") else state,
		payment_id=short_text(entity.get("payment_id")),
		reference=reference_of(payment),
		order_id=short_text(member(payment, "order_id")),
		amount=amount,
		currency=currency,
		dispute_id=short_text(entity.get("id")),
		reason=short_text(entity.get("reason_code")),
		details={"dispute": short_text(entity.get("id")), "phase": short_text(entity.get("phase"))},
	)


def reference_of(entity: Any) -> str | None:
	"""Our reference in the notes of a payment or refund; `notes` is [] when empty and an object otherwise."""
	return short_text(member(entity, "notes", "attempt"))


def _details(entity: Mapping[str, Any]) -> dict[str, Any]:
	vpa = short_text(entity.get("vpa")) or ""
	found = {
		"bank": short_text(entity.get("bank")),
		"wallet": short_text(entity.get("wallet")),
		"vpa": "…@" + vpa.rpartition("@")[2] if "@" in vpa else None,
		"card": short_text(member(entity, "card", "network")),
		"last4": short_text(member(entity, "card", "last4"), 4),
		"status": short_text(entity.get("status")),
	}
	return filled(found)


# What a failed payment means for another try, by the error reason: https://razorpay.com/docs/errors/payments/list/
FAILURE_CLASSES = {
	"payment_cancelled": FailureClass.LEFT,
	"payment_timed_out": FailureClass.LEFT,
	"authorisation_declined_by_psp": FailureClass.SOFT,
	"card_declined": FailureClass.SOFT,
	"insufficient_funds": FailureClass.SOFT,
	"payment_declined": FailureClass.SOFT,
	"payment_failed": FailureClass.SOFT,
	"transaction_limit_exceeded": FailureClass.SOFT,
	"authentication_failed": FailureClass.STEP,
	"incorrect_cvv": FailureClass.STEP,
	"incorrect_otp": FailureClass.STEP,
	"incorrect_pin": FailureClass.STEP,
	"invalid_otp": FailureClass.STEP,
	"bank_account_invalid": FailureClass.HARD,
	"card_expired": FailureClass.HARD,
	"card_not_enrolled": FailureClass.HARD,
	"card_number_invalid": FailureClass.HARD,
	"debit_instrument_blocked": FailureClass.HARD,
	"debit_instrument_inactive": FailureClass.HARD,
	"international_transaction_not_allowed": FailureClass.HARD,
	"payment_risk_check_failed": FailureClass.HARD,
	"bank_technical_error": FailureClass.OURS,
	"gateway_technical_error": FailureClass.OURS,
	"issuer_technical_error": FailureClass.OURS,
	"server_error": FailureClass.OURS,
}
