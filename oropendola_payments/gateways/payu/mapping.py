"""PayU's payments, refunds and disputes as our events: https://docs.payu.in/reference/payment-state-explanations"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
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
from oropendola_payments.gateways.parsing import entries_in, local_time, member

CURRENCY = "INR"  # the classic integration has no currency field
INDIA = timezone(timedelta(hours=5, minutes=30))
NOT_FOUND = "not found"
# (status, unmappedstatus) -> outcome; the pair, because only both together say that money was taken.
OUTCOMES = {
	("success", "captured"): Outcome.PAID,
	("success", "auth"): Outcome.AUTHORIZED,
	("pending", "initiated"): Outcome.PENDING,
	("pending", "in progress"): Outcome.PENDING,
	("pending", "pending"): Outcome.PENDING,
	("failure", "failed"): Outcome.FAILED,
	("failure", "usercancelled"): Outcome.FAILED,
	("failure", "autorefund"): Outcome.FAILED,  # see RETURNED
	("failure", "bounced"): Outcome.FAILED,
	("failure", "dropped"): Outcome.FAILED,
}
# The customer left at the bank: the bank may still say yes.
UNDECIDED = frozenset({"bounced", "dropped"})
UNDECIDED_FOR = timedelta(minutes=30)
REASONS = {"usercancelled": "The payment was cancelled on PayU's page."}
# The bank said yes too late, and PayU gives the money back.
RETURNED = "autorefund"
METHODS = {"cc": "card", "dc": "card", "nb": "netbanking", "cash": "wallet", "bnpl": "paylater"}
REFUND_OUTCOMES = {"success": RefundOutcome.REFUNDED, "failure": RefundOutcome.FAILED}
DISPUTE_STATES = {
	"closed customer favour": "lost",
	"closed in customer favour": "lost",
	"closed in merchant favour": "won",
	"closed under fraud liability": "won",
}
DETAILS = ("mode", "bankcode", "PG_TYPE", "bank_ref_num", "unmappedstatus", "net_amount_debit", "discount")
AMOUNT = re.compile(r"\d{1,12}(\.\d{1,4})?")
CARD_END = re.compile(r"\d{4}$")
MAX_TEXT = 300


def text_of(value: Any, limit: int = 140) -> str:
	"""PayU sends numbers and texts for the same field: the text of either, or nothing."""
	if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
		value = str(value)
	if not isinstance(value, str):
		return ""
	value = value.strip()
	return value if len(value) <= limit and value.isprintable() else ""


def amount_of(value: Any) -> Decimal | None:
	"""An amount in rupees, or None."""
	text = text_of(value, 20)
	return Decimal(text) if AMOUNT.fullmatch(text) else None


def payment_event(entry: Mapping[str, Any], reference: str | None, amount: Any) -> PaymentEvent:
	"""The state in an entry of verify_payment, a return or a webhook; `amount` as PayU repeats ours."""
	status, detail = text_of(entry.get("status")).lower(), text_of(entry.get("unmappedstatus")).lower()
	payment_id = text_of(entry.get("mihpayid"), 64)
	if NOT_FOUND in (status, payment_id.lower()):
		return PaymentEvent(Outcome.NOT_FOUND, reference=reference)
	outcome = OUTCOMES.get((status, detail), Outcome.PENDING)
	reason, amount = _reason(entry, outcome, detail), amount_of(amount)
	if outcome is Outcome.PAID and (amount is None or not payment_id):
		outcome, reason = (
			Outcome.PENDING,
			"PayU reports a successful payment without its amount or payment ID.",
		)
	return PaymentEvent(
		outcome,
		reference=reference,
		payment_id=payment_id or None,
		amount=amount,
		currency=CURRENCY,
		method=common_method(text_of(entry.get("mode"), 20), METHODS),
		occurred_at=local_time(text_of(entry.get("addedon")), INDIA),
		error_code=HOLD_RETURNED if outcome is Outcome.FAILED and detail == RETURNED else _error_code(entry),
		reason=reason,
		details=_details(entry),
	)


def is_undecided(event: PaymentEvent, created_at: datetime | None, now: datetime) -> bool:
	"""Whether the customer left the bank's page so lately that the bank may still say yes."""
	state = str(event.details.get("unmappedstatus", "")).lower()
	return state in UNDECIDED and created_at is not None and now - created_at < UNDECIDED_FOR


def refund_event(entry: Mapping[str, Any], key: str | None) -> RefundEvent:
	"""The state of a refund in an entry of check_action_status or getAllRefundsFromTxnIds, whose names differ."""
	status = text_of(entry.get("status", entry.get("Status"))).lower()
	outcome = REFUND_OUTCOMES.get(status, RefundOutcome.PROCESSING)
	return RefundEvent(
		outcome,
		key=key,
		refund_id=text_of(entry.get("request_id", entry.get("RequestID")), 64) or None,
		payment_id=text_of(entry.get("mihpayid", entry.get("PayuID", entry.get("PayUID"))), 64) or None,
		amount=amount_of(entry.get("amt", entry.get("Amount"))),
		currency=CURRENCY,
		reason=f"PayU says: {status}." if outcome is not RefundOutcome.REFUNDED and status else None,
		details={"bank_arn": text_of(entry.get("bank_arn"))},
	)


def refund_entries(answer: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
	"""All refunds in an answer of either command, as (token, entry); a capture has an empty token."""
	for entry in _nested(member(answer, "transaction_details")):
		yield text_of(entry.get("token")), entry
	for entry in _nested(member(answer, "Refund Details")):
		yield text_of(entry.get("RefundToken")), entry


def dispute_event(entry: Mapping[str, Any]) -> DisputeEvent:
	"""The state of a dispute; without a time, because PayU's signature covers none."""
	status, number, kind = (text_of(entry.get(name)) for name in ("cb_status", "cb_id", "cb_type"))
	return DisputeEvent(
		DISPUTE_STATES.get(status.lower(), "open"),
		payment_id=text_of(entry.get("txn_id"), 64) or None,
		amount=amount_of(entry.get("cb_amount")),
		currency=CURRENCY,
		reason=text_of(entry.get("reason_code"), MAX_TEXT) or None,
		details={
			"status": status,
			"due_date": text_of(entry.get("due_date")),
			"dispute": number,
		},
		dispute_id=f"{number}:{kind}" if number else None,
	)


def _nested(groups: Any) -> Iterator[Mapping[str, Any]]:
	"""The objects in {id: {id: {...}}} or {id: [{...}]}, whatever else may be among them."""
	for group in groups.values() if isinstance(groups, Mapping) else ():
		yield from entries_in([*group.values()] if isinstance(group, Mapping) else group)


def _reason(entry: Mapping[str, Any], outcome: Outcome, detail: str) -> str | None:
	if outcome in (Outcome.PAID, Outcome.AUTHORIZED):
		return None
	message = text_of(entry.get("field9"), MAX_TEXT) or text_of(entry.get("error_Message"), MAX_TEXT)
	return REASONS.get(detail) or message or None


def _error_code(entry: Mapping[str, Any]) -> str | None:
	code = text_of(entry.get("error_code")) or text_of(entry.get("error"))
	return code if code and code != "E000" else None


def _details(entry: Mapping[str, Any]) -> dict[str, str]:
	details = {name: text_of(entry.get(name)) for name in DETAILS if text_of(entry.get(name))}
	card_end = CARD_END.search(text_of(entry.get("cardnum")) or text_of(entry.get("card_no")))
	return {**details, "card_last4": card_end.group()} if card_end else details


# What a failed payment means for another try, by the answer of banks: https://docs.payu.in/reference/issuer-decline-error-codes
FAILURE_CLASSES = {
	"E9205": FailureClass.LEFT,
	"E1903": FailureClass.SOFT,
	"E207": FailureClass.SOFT,
	"E307": FailureClass.SOFT,
	"E308": FailureClass.SOFT,
	"E348": FailureClass.SOFT,
	"E1632": FailureClass.STEP,
	"E305": FailureClass.HARD,
	"E310": FailureClass.HARD,
	"E341": FailureClass.OURS,
	"E345": FailureClass.OURS,
	"E9208": FailureClass.OURS,
}
