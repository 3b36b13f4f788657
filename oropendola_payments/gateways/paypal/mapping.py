"""PayPal's orders, captures and refunds as our events. https://developer.paypal.com/docs/api/orders/v2/"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from oropendola_payments.gateways.base import (
	DisputeEvent,
	FailureClass,
	Outcome,
	PaymentEvent,
	RefundEvent,
	RefundOutcome,
)
from oropendola_payments.gateways.errors import BadAnswer
from oropendola_payments.gateways.parsing import entries_in, iso_time, matching, member

EXPONENTS = {"HUF": 0, "JPY": 0, "TWD": 0}
ORDERS: Mapping[str | None, Outcome] = {"APPROVED": Outcome.AUTHORIZED, "VOIDED": Outcome.FAILED}
CAPTURES: Mapping[str | None, Outcome] = {
	"COMPLETED": Outcome.PAID,
	"PARTIALLY_REFUNDED": Outcome.PAID,
	"REFUNDED": Outcome.PAID,
	"DECLINED": Outcome.FAILED,
	"DENIED": Outcome.FAILED,
	"FAILED": Outcome.FAILED,
}
# A capture that failed in one of these can still be tried again in the same order.
OPEN_ORDERS = frozenset({"CREATED", "SAVED", "APPROVED", "PAYER_ACTION_REQUIRED"})
REFUNDS: Mapping[str | None, RefundOutcome] = {
	"PENDING": RefundOutcome.PROCESSING,
	"COMPLETED": RefundOutcome.REFUNDED,
	"FAILED": RefundOutcome.FAILED,
	"CANCELLED": RefundOutcome.FAILED,
}
MERCHANT_HAS_TO_ACT = {
	"UNILATERAL": "PayPal holds the money: please confirm the e-mail address of your PayPal account.",
	"RECEIVING_PREFERENCE_MANDATES_MANUAL_ACTION": "PayPal holds the money: please accept it in your PayPal account.",
}
REFUND_TAG = "refund-"
WORD = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
AMOUNT = re.compile(r"\d{1,15}(\.\d{1,4})?", re.ASCII)
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
CAPTURE_LINK = re.compile(r"/captures/([A-Za-z0-9]{1,40})$", re.ASCII)


def word(value: Any) -> str | None:
	"""An id or a state; None for anything else that JSON can hold."""
	return matching(WORD, value)


def reference_of(value: Any) -> str | None:
	"""Our reference in the custom id of an order or a capture."""
	return value[:127] if isinstance(value, str) and value else None


def money(value: Any) -> tuple[Decimal | None, str | None]:
	"""Amount and currency of PayPal's money object, both or neither."""
	amount = matching(AMOUNT, member(value, "value"))
	currency = matching(CURRENCY, member(value, "currency_code"))
	return (Decimal(amount), currency) if amount and currency else (None, None)


def order_events(order: Mapping[str, Any]) -> list[PaymentEvent]:
	"""What the order and its captures say, at least one event. An approval after a declined capture comes before it."""
	events, approval = order_captures(order), _order_event(order)
	return [approval, *events] if not events or _is_new(approval, order) else events


def order_captures(order: Mapping[str, Any]) -> list[PaymentEvent]:
	return [capture_event(capture, order, unit) for unit, capture in _inside(order, "captures")]


def declined_captures(order: Mapping[str, Any]) -> list[Any]:
	captures = [capture for _, capture in _inside(order, "captures")]
	return [c for c in captures if CAPTURES.get(word(member(c, "status"))) is Outcome.FAILED]


def _is_new(approval: PaymentEvent, order: Mapping[str, Any]) -> bool:
	"""Whether the customer approved the order again after its last declined capture, none of which took money.

	Without times that cannot be known; then it counts as new, and the number of request ids ends the tries.
	"""
	declined = declined_captures(order)
	if approval.outcome is not Outcome.AUTHORIZED or len(declined) != len(order_captures(order)):
		return False
	times = [_updated_at(capture) for capture in declined]
	known = [moment for moment in times if moment]
	return not approval.occurred_at or not known or approval.occurred_at > max(known)


def _order_event(order: Mapping[str, Any]) -> PaymentEvent:
	status = word(order.get("status"))
	unit = member(order, "purchase_units", 0)
	amount, currency = money(member(unit, "amount"))
	return PaymentEvent(
		outcome=ORDERS.get(status, Outcome.PENDING),
		reference=reference_of(member(unit, "custom_id")),
		order_id=word(order.get("id")),
		amount=amount,
		currency=currency,
		method="paypal",
		occurred_at=_updated_at(order),
		details={"order_status": status},
	)


def capture_event(
	capture: Any, order: Mapping[str, Any], unit: Mapping[str, Any] | None = None
) -> PaymentEvent:
	"""What one capture says; an order that is COMPLETED around a capture that is not is no money."""
	status, reason = word(member(capture, "status")), word(member(capture, "status_details", "reason"))
	outcome = CAPTURES.get(status, Outcome.PENDING)
	in_transit = outcome is Outcome.PENDING
	if outcome is Outcome.FAILED and order.get("status") in OPEN_ORDERS:
		outcome = Outcome.PENDING
	amount, currency = money(member(capture, "amount"))
	payment_id = word(member(capture, "id"))
	if outcome is Outcome.PAID and (amount is None or payment_id is None):
		raise BadAnswer("PayPal reports a payment without an ID or an amount.")
	return PaymentEvent(
		outcome=outcome,
		reference=reference_of(member(capture, "custom_id")) or reference_of(member(unit, "custom_id")),
		order_id=word(order.get("id")) or order_id_of(capture),
		payment_id=payment_id,
		amount=amount,
		currency=currency,
		method="paypal",
		occurred_at=_updated_at(capture),
		error_code=None if outcome is Outcome.PAID else reason or status,
		reason=None if outcome is Outcome.PAID else _why(status, reason),
		details={"capture_status": status, "capture_reason": reason},
		in_transit=in_transit,
	)


def refund_event(refund: Mapping[str, Any], payment_id: str | None = None) -> RefundEvent:
	"""The state of a refund, with our key where we made it."""
	amount, currency = money(refund.get("amount"))
	reason = word(member(refund, "status_details", "reason"))
	return RefundEvent(
		outcome=REFUNDS.get(word(refund.get("status")), RefundOutcome.PROCESSING),
		key=refund_key(refund),
		refund_id=word(refund.get("id")),
		payment_id=captured_by(refund) or payment_id,
		amount=amount,
		currency=currency,
		reason=reason,
		details={"refund_status": word(refund.get("status"))},
	)


def order_refunds(order: Mapping[str, Any]) -> list[RefundEvent]:
	"""What was sent back of the order's captures, by us or in PayPal's dashboard."""
	captures = [word(member(capture, "id")) for _, capture in _inside(order, "captures")]
	only = captures[0] if len(captures) == 1 else None
	return [
		refund_event(refund, only) for _, refund in _inside(order, "refunds") if isinstance(refund, Mapping)
	]


def refund_in(order: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
	"""Our refund among those of the order, known by the tag that we gave it."""
	return next(
		(r for _, r in _inside(order, "refunds") if isinstance(r, Mapping) and refund_key(r) == key), None
	)


def refund_key(refund: Mapping[str, Any]) -> str | None:
	"""Our key of a refund; None when it was made in PayPal's dashboard."""
	for name in ("custom_id", "invoice_id"):
		value = refund.get(name)
		if isinstance(value, str) and value.startswith(REFUND_TAG):
			return value[len(REFUND_TAG) :][:40]
	return None


def captured_by(refund: Mapping[str, Any]) -> str | None:
	"""The capture that a refund or a reversal belongs to: its link `up`."""
	for link in entries_in(refund.get("links")):
		href = link.get("href")
		if link.get("rel") == "up" and isinstance(href, str) and (found := CAPTURE_LINK.search(href[:500])):
			return found[1]
	return None


def reversal_event(resource: Mapping[str, Any]) -> DisputeEvent:
	"""A reversal: PayPal took the money of a capture back."""
	amount, currency = money(resource.get("amount"))
	return DisputeEvent(
		state="lost",
		payment_id=captured_by(resource) or word(resource.get("id")),
		reference=reference_of(resource.get("custom_id")),
		order_id=order_id_of(resource),
		amount=amount,
		currency=currency,
		reason=word(member(resource, "status_details", "reason")) or "PayPal reversed the payment.",
	)


def order_id_of(capture: Any) -> str | None:
	"""The order that a capture or a reversal belongs to."""
	return word(member(capture, "supplementary_data", "related_ids", "order_id"))


def _updated_at(entry: Any) -> datetime | None:
	return iso_time(member(entry, "update_time")) or iso_time(member(entry, "create_time"))


def _inside(order: Mapping[str, Any], kind: str) -> Iterator[tuple[Mapping[str, Any], Any]]:
	"""The captures or refunds of an order, each with its purchase unit."""
	units = order.get("purchase_units")
	for unit in units if isinstance(units, list) else []:
		entries = member(unit, "payments", kind)
		for entry in entries if isinstance(entries, list) else []:
			yield unit, entry


def _why(status: str | None, reason: str | None) -> str:
	if reason in MERCHANT_HAS_TO_ACT:
		return MERCHANT_HAS_TO_ACT[reason]
	return f"PayPal says {status}" + (f" ({reason})." if reason else ".")


# What a failed payment means for another try, by the issue of an order: https://developer.paypal.com/api/rest/reference/orders/v2/errors/
FAILURE_CLASSES = {
	"ORDER_NOT_APPROVED": FailureClass.LEFT,
	"INSTRUMENT_DECLINED": FailureClass.SOFT,
	"REDIRECT_PAYER_FOR_ALTERNATE_FUNDING": FailureClass.SOFT,
	"TRANSACTION_LIMIT_EXCEEDED": FailureClass.SOFT,
	"PAYER_ACTION_REQUIRED": FailureClass.STEP,
	"CARD_EXPIRED": FailureClass.HARD,
	"PAYER_ACCOUNT_LOCKED_OR_CLOSED": FailureClass.HARD,
	"PAYER_ACCOUNT_RESTRICTED": FailureClass.HARD,
	"PAYER_CANNOT_PAY": FailureClass.HARD,
	"TRANSACTION_REFUSED": FailureClass.HARD,
	"INTERNAL_SERVER_ERROR": FailureClass.OURS,
	"PAYEE_ACCOUNT_LOCKED_OR_CLOSED": FailureClass.OURS,
	"PAYEE_ACCOUNT_RESTRICTED": FailureClass.OURS,
}
