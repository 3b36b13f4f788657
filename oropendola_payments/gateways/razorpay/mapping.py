"""Razorpay's payments, refunds and disputes in our words. What cannot be read raises ValueError.

https://razorpay.com/docs/api/payments/entity and https://razorpay.com/docs/webhooks/payments
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal

from oropendola_payments.gateways.base import DisputeEvent, Outcome, PaymentEvent, RefundEvent, RefundOutcome
from oropendola_payments.gateways.http import member, short_text
from oropendola_payments.money import from_minor

# https://razorpay.com/docs/payments/international-payments; some, such as MGA and IQD, differ from CLDR.
ZERO_DECIMAL = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split()  # noqa: SIM905
THREE_DECIMAL = "BHD IQD JOD KWD OMR TND".split()  # noqa: SIM905
EXPONENTS = {**dict.fromkeys(ZERO_DECIMAL, 0), **dict.fromkeys(THREE_DECIMAL, 3)}
# `failed` is missing on purpose: its order can still be paid, and it can itself be captured days later.
OUTCOMES = {"authorized": Outcome.AUTHORIZED, "captured": Outcome.PAID, "refunded": Outcome.PAID}
REFUND_OUTCOMES = {"processed": RefundOutcome.REFUNDED, "failed": RefundOutcome.FAILED}
DISPUTE_STATES = {"won": "won", "closed": "won", "lost": "lost"}
PAYMENT_EVENTS = {"payment.authorized", "payment.captured", "payment.failed", "order.paid"}
ID = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)


def exponent_of(currency: str) -> int:
	return EXPONENTS.get(currency.upper(), 2)


def webhook_events(name: str, body: Mapping) -> tuple[PaymentEvent | RefundEvent | DisputeEvent, ...]:
	"""The facts in a webhook; none when its kind means nothing to us."""
	payment, at = member(body, "payload", "payment", "entity"), moment(body.get("created_at"))
	if name in PAYMENT_EVENTS:
		event = payment_event(payment)
		receipt = short_text(member(body, "payload", "order", "entity", "receipt"))
		return (replace(event, reference=event.reference or receipt, occurred_at=at or event.occurred_at),)
	if name.startswith("refund."):
		refund = refund_event(member(body, "payload", "refund", "entity"))
		reference, order_id = (
			refund.reference or reference_of(payment),
			short_text(member(payment, "order_id")),
		)
		return (replace(refund, reference=reference, order_id=order_id, occurred_at=at),)
	if name.startswith("payment.dispute."):
		dispute = dispute_event(member(body, "payload", "dispute", "entity"), payment)
		return (replace(dispute, occurred_at=at),)
	return ()


def payment_event(entity) -> PaymentEvent:
	"""The fact in a payment entity. Its flag `captured` is ignored: it appears in failed payments too."""
	outcome = OUTCOMES.get(short_text(_entity(entity, "payment").get("status")), Outcome.PENDING)
	amount, currency = _money(entity)
	if outcome is not Outcome.PENDING and (amount is None or not is_id(entity.get("id"))):
		raise ValueError("a payment without id, amount or currency")
	return PaymentEvent(
		outcome,
		reference=reference_of(entity),
		order_id=short_text(entity.get("order_id")),
		payment_id=short_text(entity.get("id")),
		amount=amount,
		currency=currency,
		method=short_text(entity.get("method")),
		occurred_at=moment(entity.get("created_at")),
		error_code=short_text(entity.get("error_reason")) or short_text(entity.get("error_code")),
		reason=sentence_of(entity.get("error_description")),
		details=_details(entity),
	)


def refund_event(entity) -> RefundEvent:
	amount, currency = _money(_entity(entity, "refund"))
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
		details={name: value for name, value in details.items() if value},
	)


def dispute_event(entity, payment) -> DisputeEvent:
	"""A closed dispute cost nothing unless an amount was deducted."""
	amount, currency = _money(_entity(entity, "dispute"))
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


def reference_of(entity) -> str | None:
	# `notes` is [] when empty and an object otherwise.
	return short_text(member(entity, "notes", "attempt"))


def sentence_of(value, limit: int = 500) -> str | None:
	"""What a person may read: one line, no mail or UPI address, nothing that a database refuses."""
	if not isinstance(value, str):
		return None
	line = "".join(letter if letter.isprintable() else " " for letter in value[:limit])
	return re.sub(r"\S+@\S+", "…", line).strip() or None


def is_id(value) -> bool:
	return isinstance(value, str) and ID.fullmatch(value) is not None


def moment(value) -> datetime | None:
	if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 4_102_444_800:
		return None
	return datetime.fromtimestamp(value, timezone.utc)


def _entity(value, name: str) -> Mapping:
	if not isinstance(value, Mapping):
		raise ValueError(f"no {name} where one is expected")
	return value


def _money(entity: Mapping) -> tuple[Decimal | None, str | None]:
	minor, currency = entity.get("amount"), short_text(entity.get("currency"), 3)
	if currency is None or isinstance(minor, bool) or not isinstance(minor, int):
		return None, None
	return from_minor(minor, currency, exponent_of(currency)), currency.upper()


def _details(entity: Mapping) -> dict[str, object]:
	vpa = short_text(entity.get("vpa")) or ""
	found = {
		"bank": short_text(entity.get("bank")),
		"wallet": short_text(entity.get("wallet")),
		"vpa": "…@" + vpa.rpartition("@")[2] if "@" in vpa else None,
		"card": short_text(member(entity, "card", "network")),
		"last4": short_text(member(entity, "card", "last4"), 4),
		"status": short_text(entity.get("status")),
	}
	return {name: value for name, value in found.items() if value}
