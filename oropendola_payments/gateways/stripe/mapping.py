"""Stripe's sessions, intents, refunds and disputes in our words. What cannot be read raises ValueError.

https://docs.stripe.com/api/checkout/sessions/object and https://docs.stripe.com/currencies
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal

from oropendola_payments.gateways.base import DisputeEvent, Outcome, PaymentEvent, RefundEvent, RefundOutcome
from oropendola_payments.gateways.errors import GatewayRefused
from oropendola_payments.gateways.http import member, short_text
from oropendola_payments.money import from_minor, to_minor

# https://docs.stripe.com/currencies#minor-units; some, such as AFN and LBP, differ from CLDR.
ZERO_DECIMAL = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()  # noqa: SIM905
THREE_DECIMAL = "BHD JOD KWD OMR TND".split()  # noqa: SIM905
EXPONENTS = {**dict.fromkeys(ZERO_DECIMAL, 0), **dict.fromkeys(THREE_DECIMAL, 3), "ISK": 2, "UGX": 2}
# The last digits that must be zero: 5 ISK are sent as 500, 5.12 KWD as 5120.
STEPS = {"ISK": 100, "UGX": 100, **dict.fromkeys(THREE_DECIMAL, 10)}
MAX_MINOR = 99_999_999

REFERENCE, REFUND_KEY = "payment_attempt", "payment_refund"
REFUND_OUTCOMES = {
	"succeeded": RefundOutcome.REFUNDED,
	"failed": RefundOutcome.FAILED,
	"canceled": RefundOutcome.FAILED,
}
DISPUTE_STATES = {"won": "won", "warning_closed": "won", "prevented": "won", "lost": "lost"}
INTENT_OUTCOMES = {"succeeded": Outcome.PAID, "canceled": Outcome.CANCELLED}
SESSION_EVENTS = {
	"checkout.session.completed",
	"checkout.session.async_payment_succeeded",
	"checkout.session.async_payment_failed",
	"checkout.session.expired",
}
INTENT_EVENTS = {
	"payment_intent.succeeded",
	"payment_intent.processing",
	"payment_intent.payment_failed",
	"payment_intent.canceled",
}
REFUND_EVENTS = {"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"}
# A charge says that something was sent back, not which refund did it: the payment is asked about.
CHARGE_REFUNDED = "charge.refunded"
ID = re.compile(r"[A-Za-z0-9_]{1,255}", re.ASCII)


def exponent_of(currency: str) -> int:
	return EXPONENTS.get(currency.upper(), 2)


def minor_of(amount: Decimal, currency: str) -> int:
	"""The amount as Stripe wants it, or a refusal that says how to change it."""
	code = currency.upper()
	try:
		minor = to_minor(amount, code, exponent_of(code))
	except ValueError as error:
		raise GatewayRefused(f"Stripe cannot accept this amount: {error}") from None
	if minor % STEPS.get(code, 1):
		raise GatewayRefused(f"{amount} has too many decimal places for Stripe in {code}. Please round it.")
	if minor > MAX_MINOR:
		largest = from_minor(MAX_MINOR, code, exponent_of(code))
		raise GatewayRefused(
			f"Stripe accepts payments of up to {code} {largest:,}. Please choose another way to pay."
		)
	return minor


def webhook_events(
	name: str, entity, at: datetime | None
) -> tuple[PaymentEvent | RefundEvent | DisputeEvent, ...]:
	"""The facts in an event's object; none when its kind means nothing to us, or the payment is not ours."""
	if name in SESSION_EVENTS or name in INTENT_EVENTS:
		event = session_event(entity) if name in SESSION_EVENTS else intent_event(entity)
		if name == "checkout.session.async_payment_failed" and event.outcome is Outcome.PENDING:
			event = replace(event, outcome=Outcome.FAILED)
		return (replace(event, occurred_at=at),) if event.reference else ()
	if name in REFUND_EVENTS:
		return (replace(refund_event(entity), occurred_at=at),)
	if name.startswith("charge.dispute."):
		return (replace(dispute_event(entity), occurred_at=at),)
	return ()


def session_event(session) -> PaymentEvent:
	"""The fact in a Checkout Session; its payment intent may be expanded, an id, or not there yet."""
	intent = _entity(session, "session").get("payment_intent")
	outcome = _session_outcome(session, intent)
	amount, currency = money(session, "amount_total")
	if member(intent, "status") == "succeeded":
		amount, currency = money(intent, "amount_received")
	event = PaymentEvent(
		outcome,
		reference=short_text(session.get("client_reference_id"))
		or short_text(member(session, "metadata", REFERENCE)),
		order_id=short_text(session.get("id"), 255),
		payment_id=id_of(intent),
		amount=amount,
		currency=currency,
		occurred_at=moment(session.get("created")),
		**_intent_facts(intent),
	)
	if session.get("payment_status") == "no_payment_required":
		event = replace(event, payment_id=event.payment_id or event.order_id)
	return _complete(event)


def intent_event(intent) -> PaymentEvent:
	"""The fact in a PaymentIntent. A declined try is PENDING: its session stays open for another."""
	outcome = INTENT_OUTCOMES.get(
		short_text(_entity(intent, "payment intent").get("status")), Outcome.PENDING
	)
	amount, currency = money(intent, "amount_received" if outcome is Outcome.PAID else "amount")
	event = PaymentEvent(
		outcome,
		reference=short_text(member(intent, "metadata", REFERENCE)),
		payment_id=id_of(intent),
		amount=amount,
		currency=currency,
		occurred_at=moment(intent.get("created")),
		**_intent_facts(intent),
	)
	return _complete(event)


def refund_event(refund) -> RefundEvent:
	amount, currency = money(_entity(refund, "refund"), "amount")
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


def charged(charge) -> dict[str, str | None]:
	"""Which payment a charge belongs to."""
	return {
		"reference": short_text(member(_entity(charge, "charge"), "metadata", REFERENCE)),
		"payment_id": id_of(charge.get("payment_intent")) or id_of(charge.get("id")),
	}


def dispute_event(dispute) -> DisputeEvent:
	amount, currency = money(_entity(dispute, "dispute"), "amount")
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


def money(entity: Mapping, name: str) -> tuple[Decimal | None, str | None]:
	minor, currency = entity.get(name), short_text(entity.get("currency"), 3)
	if currency is None or isinstance(minor, bool) or not isinstance(minor, int):
		return None, None
	return from_minor(minor, currency, exponent_of(currency)), currency.upper()


def id_of(value) -> str | None:
	"""The id of something that is expanded or not."""
	found = value.get("id") if isinstance(value, Mapping) else value
	return found if is_id(found) else None


def is_id(value) -> bool:
	return isinstance(value, str) and ID.fullmatch(value) is not None


def sentence_of(value, limit: int = 500) -> str | None:
	"""What a person may read: one line, no mail or UPI address, nothing that a database refuses."""
	if not isinstance(value, str):
		return None
	line = "".join(letter if letter.isprintable() else " " for letter in value[:limit])
	return re.sub(r"\S+@\S+", "…", line).strip() or None


def moment(value) -> datetime | None:
	if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 4_102_444_800:
		return None
	return datetime.fromtimestamp(value, timezone.utc)


def _session_outcome(session: Mapping, intent) -> Outcome:
	if session.get("status") == "expired":
		return Outcome.EXPIRED
	if session.get("status") != "complete":
		return Outcome.PENDING
	if session.get("payment_status") in ("paid", "no_payment_required"):
		return Outcome.PAID
	# A complete session takes no second try, so a delayed payment that fell through is final.
	fell_through = member(intent, "status") in ("canceled", "requires_payment_method")
	return Outcome.FAILED if fell_through else Outcome.PENDING


def _intent_facts(intent) -> dict:
	error, charge = member(intent, "last_payment_error"), member(intent, "latest_charge")
	method = member(charge, "payment_method_details")
	details = {
		"status": short_text(member(intent, "status")),
		"brand": short_text(member(method, "card", "brand")),
		"last4": short_text(member(method, "card", "last4"), 4),
	}
	return {
		"method": short_text(member(method, "type")),
		"error_code": short_text(member(error, "decline_code")) or short_text(member(error, "code")),
		"reason": sentence_of(member(error, "message")) or short_text(member(intent, "cancellation_reason")),
		"details": {name: value for name, value in details.items() if value},
	}


def _complete(event: PaymentEvent) -> PaymentEvent:
	if event.outcome is Outcome.PAID and (event.amount is None or not event.payment_id):
		raise ValueError("a payment without id, amount or currency")
	return event


def _entity(value, name: str) -> Mapping:
	if not isinstance(value, Mapping):
		raise ValueError(f"no {name} where one is expected")
	return value
