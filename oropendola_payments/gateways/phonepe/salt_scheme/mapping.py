"""The answers of PhonePe's salt scheme as our events: https://developer.phonepe.com/v1/reference/check-status-api-1"""

from collections.abc import Mapping
from typing import Any

from oropendola_payments.gateways.base import Outcome, PaymentEvent, RefundEvent, RefundOutcome
from oropendola_payments.gateways.parsing import member, short_text
from oropendola_payments.gateways.phonepe.mapping import rupees_of

UNKNOWN = "TRANSACTION_NOT_FOUND"
UNSURE = "INTERNAL_SERVER_ERROR"  # by PhonePe's own rule not a failure: repeat the status query
OUTCOMES: Mapping[str | None, Outcome] = {
	"PAYMENT_SUCCESS": Outcome.PAID,
	"PAYMENT_ERROR": Outcome.FAILED,
	"PAYMENT_DECLINED": Outcome.FAILED,
	UNKNOWN: Outcome.NOT_FOUND,
}
REFUND_OUTCOMES: Mapping[str | None, RefundOutcome] = {
	"PAYMENT_SUCCESS": RefundOutcome.REFUNDED,
	"PAYMENT_ERROR": RefundOutcome.FAILED,
	"PAYMENT_DECLINED": RefundOutcome.FAILED,
	UNKNOWN: RefundOutcome.NOT_FOUND,
}


def payment_event(answer: Mapping[str, Any], reference: str | None) -> PaymentEvent:
	"""The state of a payment, from an answer or a callback."""
	code, state = short_text(answer.get("code")), short_text(member(answer, "data", "state"))
	outcome = OUTCOMES.get(code, Outcome.PENDING)
	payment_id = short_text(member(answer, "data", "transactionId"))
	amount, reason = rupees_of(member(answer, "data", "amount")), short_text(answer.get("message"), 200)
	if outcome is Outcome.PAID and not (amount and payment_id and state in (None, "COMPLETED")):
		outcome, reason = (
			Outcome.PENDING,
			"PhonePe reports a successful payment without its amount.",
		)
	is_paid = outcome is Outcome.PAID
	return PaymentEvent(
		outcome,
		reference,
		payment_id=payment_id if is_paid else None,
		amount=amount,
		currency="INR",
		method=short_text(member(answer, "data", "paymentInstrument", "type"), 40),
		error_code=None if is_paid else code,
		reason=reason,
		details={
			"transaction_id": payment_id,
			"response": short_text(member(answer, "data", "responseCode")),
		},
	)


def refund_event(answer: Mapping[str, Any], key: str | None, reference: str | None = None) -> RefundEvent:
	"""The state of a refund, from an answer or a callback."""
	return RefundEvent(
		REFUND_OUTCOMES.get(short_text(answer.get("code")), RefundOutcome.PROCESSING),
		key=key,
		refund_id=short_text(member(answer, "data", "transactionId")),
		reference=reference,
		amount=rupees_of(member(answer, "data", "amount")),
		currency="INR",
		reason=short_text(answer.get("message"), 200),
	)
