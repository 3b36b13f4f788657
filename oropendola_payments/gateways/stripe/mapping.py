"""Stripe's sessions, intents, refunds and disputes as our events. What cannot be read raises ValueError.

https://docs.stripe.com/api/checkout/sessions/object and https://docs.stripe.com/currencies
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from oropendola_payments.gateways.base import (
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

# https://docs.stripe.com/currencies#minor-units; some, such as AFN and LBP, differ from CLDR.
# Types of Stripe's payment methods besides `card`, `upi` and `paypal`.
METHODS = {
	**dict.fromkeys(
		("link", "alipay", "wechat_pay", "amazon_pay", "revolut_pay", "cashapp", "grabpay"), "wallet"
	),
	**dict.fromkeys(("klarna", "affirm", "afterpay_clearpay", "zip"), "paylater"),
	**dict.fromkeys(("us_bank_account", "sepa_debit", "bacs_debit", "au_becs_debit", "acss_debit"), "bank"),
	**dict.fromkeys(("customer_balance", "ideal", "bancontact", "eps", "p24", "fpx"), "bank"),
}
ZERO_DECIMAL = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()  # noqa: SIM905
THREE_DECIMAL = "BHD JOD KWD OMR TND".split()  # noqa: SIM905
EXPONENTS = {**dict.fromkeys(ZERO_DECIMAL, 0), **dict.fromkeys(THREE_DECIMAL, 3), "ISK": 2, "UGX": 2}
# 5 ISK are sent as 500, 5.12 KWD as 5120.
AMOUNT_DECIMALS = {"ISK": 0, "UGX": 0, **dict.fromkeys(THREE_DECIMAL, 2)}

REFERENCE, REFUND_KEY = "payment_attempt", "payment_refund"
REFUND_OUTCOMES: Mapping[str | None, RefundOutcome] = {
	"succeeded": RefundOutcome.REFUNDED,
	"failed": RefundOutcome.FAILED,
	"canceled": RefundOutcome.FAILED,
}
DISPUTE_STATES: Mapping[str | None, str] = {
	"won": "won",
	"warning_closed": "won",
	"prevented": "won",
	"lost": "lost",
}
INTENT_OUTCOMES: Mapping[str | None, Outcome] = {"succeeded": Outcome.PAID, "canceled": Outcome.CANCELLED}
PAID = ("paid", "no_payment_required")
ID = re.compile(r"[A-Za-z0-9_]{1,255}", re.ASCII)


def exponent_of(currency: str) -> int:
	"""The number of decimals in which Stripe counts a currency."""
	return EXPONENTS.get(currency.upper(), 2)


def session_event(session: Any) -> PaymentEvent:
	"""The state of a Checkout Session; its payment intent may be expanded, an id, or not there yet.

	An id does not say whether money is in transit: see `is_undecided`.
	"""
	intent = entity_of(session, "session").get("payment_intent")
	outcome = _session_outcome(session, intent)
	amount, currency = minor_amount(session, "amount_total", exponent_of)
	if isinstance(intent, Mapping) and intent.get("status") == "succeeded":
		amount, currency = minor_amount(intent, "amount_received", exponent_of)
	event = PaymentEvent(
		outcome,
		reference=short_text(session.get("client_reference_id"))
		or short_text(member(session, "metadata", REFERENCE)),
		order_id=short_text(session.get("id"), 255),
		payment_id=id_of(intent),
		amount=amount,
		currency=currency,
		occurred_at=unix_time(session.get("created")),
		in_transit=outcome is Outcome.PENDING
		and session.get("status") == "complete"
		and is_in_transit(intent),
		**_intent_fields(intent),
	)
	if session.get("payment_status") == "no_payment_required":
		event = replace(event, payment_id=event.payment_id or event.order_id)
	return _complete(event)


def intent_event(intent: Any) -> PaymentEvent:
	"""The state of a PaymentIntent. A decline is PENDING: its session stays open for another attempt."""
	outcome = INTENT_OUTCOMES.get(
		short_text(entity_of(intent, "payment intent").get("status")), Outcome.PENDING
	)
	name = "amount_received" if outcome is Outcome.PAID else "amount"
	amount, currency = minor_amount(intent, name, exponent_of)
	event = PaymentEvent(
		outcome,
		reference=short_text(member(intent, "metadata", REFERENCE)),
		payment_id=id_of(intent),
		amount=amount,
		currency=currency,
		occurred_at=unix_time(intent.get("created")),
		in_transit=is_in_transit(intent),
		**_intent_fields(intent),
	)
	return _complete(event)


def is_in_transit(intent: Any) -> bool:
	"""Whether the bank decides. With `requires_action`, as of a voucher or a bank transfer, the customer has still to go and pay."""
	return member(intent, "status") == "processing"


def is_undecided(session: Any) -> bool:
	"""Whether a completed session is unpaid and names its payment by id only, so that only a query tells a debit from a voucher."""
	is_expanded = isinstance(member(session, "payment_intent"), Mapping)
	is_unpaid = member(session, "payment_status") not in PAID
	return member(session, "status") == "complete" and is_unpaid and not is_expanded


def refund_event(refund: Any) -> RefundEvent:
	"""The state of a refund, with our key where we made it."""
	amount, currency = minor_amount(entity_of(refund, "refund"), "amount", exponent_of)
	return RefundEvent(
		REFUND_OUTCOMES.get(short_text(refund.get("status")), RefundOutcome.PROCESSING),
		key=short_text(member(refund, "metadata", REFUND_KEY)),
		refund_id=short_text(refund.get("id")),
		payment_id=id_of(refund.get("payment_intent")) or id_of(refund.get("charge")),
		reference=short_text(member(refund, "metadata", REFERENCE)),
		amount=amount,
		currency=currency,
		reason=short_text(refund.get("failure_reason")),
		details={"status": short_text(refund.get("status"))},
	)


def charge_ids(charge: Any) -> dict[str, Any]:
	"""The reference and the payment id of a charge, as fields of an event."""
	return {
		"reference": short_text(member(entity_of(charge, "charge"), "metadata", REFERENCE)),
		"payment_id": id_of(charge.get("payment_intent")) or id_of(charge.get("id")),
	}


def dispute_event(dispute: Any) -> DisputeEvent:
	"""The state of a dispute; one that ended without costing anything is won."""
	amount, currency = minor_amount(entity_of(dispute, "dispute"), "amount", exponent_of)
	status = short_text(dispute.get("status"))
	return DisputeEvent(
		DISPUTE_STATES.get(status, "open"),
		payment_id=id_of(dispute.get("payment_intent")) or id_of(dispute.get("charge")),
		amount=amount,
		currency=currency,
		dispute_id=short_text(dispute.get("id")),
		reason=short_text(dispute.get("reason")),
		details={"dispute": short_text(dispute.get("id")), "status": status},
	)


def id_of(value: Any) -> str | None:
	"""The id of an object that may be expanded."""
	return matching(ID, value.get("id") if isinstance(value, Mapping) else value)


def _session_outcome(session: Mapping[str, Any], intent: Any) -> Outcome:
	if session.get("status") == "expired":
		return Outcome.EXPIRED
	if session.get("status") != "complete":
		return Outcome.PENDING
	if session.get("payment_status") in PAID:
		return Outcome.PAID
	# A complete session takes no second attempt, so a delayed payment that failed is final.
	has_failed = member(intent, "status") in ("canceled", "requires_payment_method")
	return Outcome.FAILED if has_failed else Outcome.PENDING


def _intent_fields(intent: Any) -> dict[str, Any]:
	error, charge = member(intent, "last_payment_error"), member(intent, "latest_charge")
	method = member(charge, "payment_method_details")
	details = {
		"status": short_text(member(intent, "status")),
		"brand": short_text(member(method, "card", "brand")),
		"last4": short_text(member(method, "card", "last4"), 4),
	}
	return {
		"method": common_method(short_text(member(method, "type")), METHODS),
		"error_code": short_text(member(error, "decline_code")) or short_text(member(error, "code")),
		"reason": sentence_of(member(error, "message")) or short_text(member(intent, "cancellation_reason")),
		"details": filled(details),
	}


def _complete(event: PaymentEvent) -> PaymentEvent:
	if event.outcome is Outcome.PAID and (event.amount is None or not event.payment_id):
		raise ValueError("a payment without id, amount or currency")
	return event


# What a failed payment means for another try, by the decline code: https://docs.stripe.com/declines/codes
FAILURE_CLASSES = {
	"payment_intent_payment_attempt_expired": FailureClass.LEFT,
	"call_issuer": FailureClass.SOFT,
	"card_declined": FailureClass.SOFT,
	"card_velocity_exceeded": FailureClass.SOFT,
	"do_not_honor": FailureClass.SOFT,
	"generic_decline": FailureClass.SOFT,
	"insufficient_funds": FailureClass.SOFT,
	"no_action_taken": FailureClass.SOFT,
	"not_permitted": FailureClass.SOFT,
	"pin_try_exceeded": FailureClass.SOFT,
	"withdrawal_count_limit_exceeded": FailureClass.SOFT,
	"authentication_required": FailureClass.STEP,
	"incorrect_address": FailureClass.STEP,
	"incorrect_cvc": FailureClass.STEP,
	"incorrect_pin": FailureClass.STEP,
	"incorrect_zip": FailureClass.STEP,
	"invalid_cvc": FailureClass.STEP,
	"invalid_pin": FailureClass.STEP,
	"offline_pin_required": FailureClass.STEP,
	"online_or_offline_pin_required": FailureClass.STEP,
	"payment_intent_authentication_failure": FailureClass.STEP,
	"card_not_supported": FailureClass.HARD,
	"currency_not_supported": FailureClass.HARD,
	"expired_card": FailureClass.HARD,
	"fraudulent": FailureClass.HARD,
	"incorrect_number": FailureClass.HARD,
	"invalid_account": FailureClass.HARD,
	"invalid_expiry_month": FailureClass.HARD,
	"invalid_expiry_year": FailureClass.HARD,
	"invalid_number": FailureClass.HARD,
	"lost_card": FailureClass.HARD,
	"merchant_blacklist": FailureClass.HARD,
	"pickup_card": FailureClass.HARD,
	"restricted_card": FailureClass.HARD,
	"revocation_of_all_authorizations": FailureClass.HARD,
	"revocation_of_authorization": FailureClass.HARD,
	"security_violation": FailureClass.HARD,
	"service_not_allowed": FailureClass.HARD,
	"stolen_card": FailureClass.HARD,
	"stop_payment_order": FailureClass.HARD,
	"transaction_not_allowed": FailureClass.HARD,
	"issuer_not_available": FailureClass.OURS,
	"processing_error": FailureClass.OURS,
	"reenter_transaction": FailureClass.OURS,
	"try_again_later": FailureClass.OURS,
}
