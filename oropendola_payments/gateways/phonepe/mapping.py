"""PhonePe's orders and refunds as our events. The root `state` of an answer decides, never the state of one attempt inside it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from oropendola_payments.gateways.base import FailureClass, Outcome, PaymentEvent, RefundEvent, RefundOutcome
from oropendola_payments.gateways.errors import GatewayRefused
from oropendola_payments.gateways.methods import common_method
from oropendola_payments.gateways.parsing import entries_in, member, short_text, unix_time_ms, whole_number
from oropendola_payments.gateways.payouts import FileMapping
from oropendola_payments.money import from_minor

# PhonePe's `paymentMode`.
METHODS = {"upi_intent": "upi", "upi_collect": "upi", "upi_qr": "upi", "token": "card"}
MAX_PAISE = 10**15
ORDER_OUTCOMES: Mapping[str | None, Outcome] = {"COMPLETED": Outcome.PAID, "FAILED": Outcome.FAILED}
REFUND_OUTCOMES: Mapping[str | None, RefundOutcome] = {
	"COMPLETED": RefundOutcome.REFUNDED,
	"FAILED": RefundOutcome.FAILED,
}


def rupees_of(paise: Any) -> Decimal | None:
	"""The amount in an answer, or None where it is no positive whole number of paise."""
	number = whole_number(paise)
	return from_minor(number, "INR") if number is not None and 0 < number < MAX_PAISE else None


def refusal(answer: Mapping[str, Any]) -> GatewayRefused:
	"""The error for an answer that says no, with PhonePe's own code and sentence."""
	code = _error_code(answer)
	message = short_text(answer.get("message"), 200) or code or "no reason given"
	return GatewayRefused(f"PhonePe refused the request: {message}.", gateway_code=code)


def is_unknown(status: int, answer: Mapping[str, Any]) -> bool:
	"""Whether PhonePe does not know the id. A bare 404 of a wrong host has no such code."""
	return status in (400, 404) and (_error_code(answer) or "").upper().endswith("NOT_FOUND")


def order_event(
	order: Mapping[str, Any], reference: str | None, known_order_id: str | None = None
) -> PaymentEvent:
	"""The state of an order. It is paid once, and its id is in every message; an attempt's id is not."""
	outcome = ORDER_OUTCOMES.get(short_text(order.get("state")), Outcome.PENDING)
	order_id = short_text(order.get("orderId")) or known_order_id
	amount = rupees_of(order.get("amount"))
	reason = short_text(member(order, "errorContext", "description"), 200)
	if outcome is Outcome.PAID and not (amount and order_id):
		outcome, reason = (
			Outcome.PENDING,
			"PhonePe reports the order as completed without the amount.",
		)
	attempt = attempt_of(order)
	return PaymentEvent(
		outcome,
		reference,
		order_id,
		payment_id=order_id if outcome is Outcome.PAID else None,
		amount=amount,
		currency="INR",
		method=common_method(short_text(attempt.get("paymentMode"), 40), METHODS),
		occurred_at=unix_time_ms(attempt.get("timestamp")),
		error_code=short_text(order.get("detailedErrorCode")) or short_text(order.get("errorCode")),
		reason=reason,
		details={
			"transaction_id": short_text(attempt.get("transactionId")),
			"attempts": len(entries_in(order.get("paymentDetails"))),
		},
	)


def refund_event(refund: Mapping[str, Any], key: str | None, reference: str | None) -> RefundEvent:
	"""The state of a refund."""
	return RefundEvent(
		REFUND_OUTCOMES.get(short_text(refund.get("state")), RefundOutcome.PROCESSING),
		key=key,
		refund_id=short_text(refund.get("refundId")),
		reference=reference,
		amount=rupees_of(refund.get("amount")),
		currency="INR",
		occurred_at=unix_time_ms(attempt_of(refund).get("timestamp")),
		reason=short_text(refund.get("detailedErrorCode")) or short_text(refund.get("errorCode")),
	)


def attempt_of(order: Mapping[str, Any]) -> Mapping[str, Any]:
	"""The attempt that belongs to the order's state, else the newest."""
	attempts, state = entries_in(order.get("paymentDetails")), short_text(order.get("state"))
	same = [attempt for attempt in attempts if short_text(attempt.get("state")) == state]
	return (same or attempts or [{}])[-1]


def _error_code(answer: Mapping[str, Any]) -> str | None:
	return short_text(answer.get("code")) or short_text(answer.get("errorCode"))


# What a failed payment means for another try, by the code of the UPI network, that PhonePe passes on
FAILURE_CLASSES = {
	"REQUEST_CANCEL_BY_REQUESTEE": FailureClass.LEFT,
	"REQUEST_DECLINE_BY_REQUESTEE": FailureClass.LEFT,
	"TXN_AUTO_FAILED": FailureClass.LEFT,
	"TXN_NOT_COMPLETED": FailureClass.LEFT,
	"U69": FailureClass.LEFT,
	"ZA": FailureClass.LEFT,
	"U30": FailureClass.SOFT,
	"Z7": FailureClass.SOFT,
	"Z8": FailureClass.SOFT,
	"Z9": FailureClass.SOFT,
	"ZM": FailureClass.STEP,
	"59": FailureClass.HARD,
	"XH": FailureClass.HARD,
	"YE": FailureClass.HARD,
	"ZE": FailureClass.HARD,
	"ZH": FailureClass.HARD,
	"U28": FailureClass.OURS,
	"U29": FailureClass.OURS,
	"U31": FailureClass.OURS,
}


# The settlement report of the dashboard, as https://developer.phonepe.com/docs/settlement describes it. There is no API for it.
PAYOUT_FILE = FileMapping(
	columns={
		"payout_id": "bank reference no",
		"paid_on": "settlement date",
		"bank_reference": "bank reference no",
		"kind": "payment type",
		"reference": "merchant reference id",
		"refund_key": "merchant reference id",
		"refund_id": "phonepe reference id",
		"amount": "amount",
		"fee": "fee",
		"tax": "igst+cgst+sgst",
		"net": "net amount|settled amount",
		"day": "transaction date",
	},
	kinds={"payment": "Capture", "refund": "Refund", "*": "Adjustment"},
	currency="INR",
	date_order="Day first",
	signed_fees=True,
)
