"""Cashfree's payments, refunds and disputes, read without trusting their types."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from oropendola_payments.gateways.base import (
	HOLD_RETURNED,
	Checkout,
	DisputeEvent,
	FailureClass,
	Form,
	OtpResult,
	Outcome,
	PaymentEvent,
	RefundEvent,
	RefundOutcome,
)
from oropendola_payments.gateways.errors import BadAnswer
from oropendola_payments.gateways.methods import common_method
from oropendola_payments.gateways.parsing import (
	filled,
	iso_time,
	member,
	short_text,
	web_address,
	whole_number,
)
from oropendola_payments.money import to_decimal

# Cashfree's `payment_group`.
METHODS = {
	"upi_ppi": "upi",
	"upi_credit_card": "upi",
	"credit_card_emi": "emi",
	"debit_card_emi": "emi",
}
REFUND_OUTCOMES: Mapping[str | None, RefundOutcome] = {
	"SUCCESS": RefundOutcome.REFUNDED,
	"FAILED": RefundOutcome.FAILED,
	"CANCELLED": RefundOutcome.FAILED,
}
ORDER_OUTCOMES: Mapping[str | None, Outcome] = {"EXPIRED": Outcome.EXPIRED, "TERMINATED": Outcome.CANCELLED}
# States of an attempt that cannot take money any more; the order stays payable by another until it expires.
ENDED = frozenset({"FAILED", "USER_DROPPED", "CANCELLED", "VOID", "NOT_ATTEMPTED"})
MAX_QR_CHARACTERS = 200_000
MAX_AMOUNT = Decimal(10) ** 12
DIGITS = re.compile(r"\d{6,}")


def id_of(value: Any) -> str | None:
	"""An id; Cashfree sends it as text from version 2023-08-01 on and as a number before and in disputes."""
	number = whole_number(value)
	return short_text(value if number is None else str(number))


def amount_of(value: Any) -> Decimal | None:
	"""A positive amount in major units, or None."""
	if isinstance(value, str) and not short_text(value, 30):
		return None
	if not isinstance(value, (int, Decimal, str)):
		return None
	try:
		amount = to_decimal(value)
	except ValueError:
		return None
	return amount if 0 < amount < MAX_AMOUNT else None


def currency_of(value: Any) -> str | None:
	"""A currency code in capitals, or None."""
	text = short_text(value, 3)
	return text.upper() if text and len(text) == 3 and text.isascii() and text.isalpha() else None


def sentence_of(value: Any) -> str | None:
	"""A sentence of the gateway for a manager, without numbers that could belong to a person."""
	text = short_text(value, 200)
	return DIGITS.sub("…", text) if text else None


def payment_event(
	payment: Mapping[str, Any], reference: str | None, order_id: str | None = None
) -> PaymentEvent:
	"""The state of one attempt. An attempt that took no money is PENDING: the order may still be paid by another."""
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
		method=common_method(short_text(payment.get("payment_group"), 40), METHODS),
		occurred_at=iso_time(payment.get("payment_completion_time")) or iso_time(payment.get("payment_time")),
		error_code=short_text(member(payment, "error_details", "error_code")),
		reason=reason,
		details={"cf_payment_id": payment_id, "payment_status": status_of(payment)},
		may_include_fee=outcome is Outcome.PAID and _may_include_fee(payment),
	)


def status_of(payment: Mapping[str, Any]) -> str | None:
	"""Cashfree's state of an attempt; a success whose hold was released counts as VOID."""
	status = short_text(payment.get("payment_status"), 40)
	is_void = payment.get("is_captured") is False and member(payment, "authorization", "action") == "VOID"
	return "VOID" if status == "SUCCESS" and is_void else status


def unpaid_event(
	order: Mapping[str, Any], payments: Sequence[Mapping[str, Any]], reference: str, order_id: str | None
) -> PaymentEvent:
	"""The state of an order of which no attempt took or holds money."""
	states = {status_of(payment) for payment in payments}
	order_status = short_text(order.get("order_status"), 40)
	outcome = ORDER_OUTCOMES.get(order_status, Outcome.PENDING)
	if "VOID" in states and order_status == "PAID":
		outcome = Outcome.FAILED
	if states - ENDED:
		outcome = Outcome.PENDING  # an attempt is in progress, or in a state that we do not know
	last = payment_event(payments[0], reference, order_id) if payments else None
	if outcome is Outcome.FAILED and last:
		last = replace(
			last, error_code=HOLD_RETURNED, reason=None
		)  # Cashfree's own sentence is about the success before
	return PaymentEvent(
		outcome,
		reference,
		order_id,
		method=last.method if last else None,
		error_code=last.error_code if last else None,
		reason=last.reason if last else None,
		details={"order_status": order_status, "attempts": len(payments)},
	)


def refund_event(
	refund: Mapping[str, Any], key: str | None, occurred_at: datetime | None = None
) -> RefundEvent:
	"""The state of a refund; `key` is ours, or None for one that Cashfree made by itself."""
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


def dispute_event(data: Mapping[str, Any], occurred_at: datetime | None) -> DisputeEvent:
	"""The state of a dispute, from the data of a webhook."""
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


def checkout_of(answer: Mapping[str, Any], hosted: Checkout) -> Checkout:
	"""How the customer continues after Order Pay; where that is unclear, on the hosted page of the same order."""
	data, action = member(answer, "data"), short_text(answer.get("action"), 20)
	payment_id, url = id_of(answer.get("cf_payment_id")), web_address(member(data, "url"))
	paying = replace(hosted, payment_id=payment_id, data={**hosted.data, "cf_payment_id": payment_id})
	if action == "post" and payment_id:
		return replace(paying, next_action="otp", data={**paying.data, "bank_page": _bank_page(data)})
	if action == "link" and url:
		return replace(paying, next_action="redirect", url=url, sdk=None)
	if action == "form" and url:
		return replace(
			paying, next_action="form", form=Form(url, _form_fields(member(data, "payload"))), sdk=None
		)
	if action == "custom":
		return replace(paying, next_action="upi", upi=_upi(member(data, "payload")))
	return hosted


def otp_result(status: int, answer: Mapping[str, Any], bank_page: str | None) -> OtpResult:
	"""Whether the bank accepted the code. That does not say that the payment is done."""
	authenticated = short_text(answer.get("authenticate_status"), 20)
	if status < 400 and authenticated in ("SUCCESS", "FAILED"):
		return OtpResult(authenticated == "SUCCESS", sentence_of(answer.get("payment_message")))
	if status < 400:
		raise BadAnswer("Cashfree does not say whether the code was right.")
	# Too many attempts, or the payment has ended already.
	return OtpResult(False, "The bank accepts no more codes for this payment.", 0, bank_page)


def _money(payment: Mapping[str, Any]) -> tuple[Outcome, Decimal | None]:
	"""Taken, held, or neither. A success that is not captured is a hold, not a payment."""
	amount, action = _amount(payment), member(payment, "authorization", "action")
	if status_of(payment) != "SUCCESS":
		return Outcome.PENDING, amount
	if payment.get("is_captured") in (None, True):
		captured = amount_of(member(payment, "authorization", "captured_amount"))
		return Outcome.PAID, captured if captured and action == "CAPTURE" else amount
	if action == "CAPTURE":
		return Outcome.PENDING, amount  # the capture is in progress
	return Outcome.AUTHORIZED, amount


def _amount(payment: Mapping[str, Any]) -> Decimal | None:
	"""What was paid for the order: without the service charge and its tax, which Cashfree adds for the customer and keeps."""
	paid, ordered = amount_of(payment.get("payment_amount")), amount_of(payment.get("order_amount"))
	if not paid or not ordered or paid <= ordered:
		return paid
	return max(ordered, paid - _service_charge(payment))


def _may_include_fee(payment: Mapping[str, Any]) -> bool:
	"""Above the order's amount, and the fields of the service charge do not explain it."""
	paid, ordered = _amount(payment), amount_of(payment.get("order_amount"))
	return bool(paid and ordered and paid > ordered) and not _service_charge(payment)


def _service_charge(payment: Mapping[str, Any]) -> Decimal:
	names = ("payment_surcharge_service_charge", "payment_surcharge_service_tax")
	parts = [amount_of(member(payment, "payment_surcharge", name)) for name in names]
	return sum((part for part in parts if part), Decimal(0))


def _upi(payload: Any) -> dict[str, str]:
	"""What opens a UPI app: its address, a picture to scan, a page; empty when the app notifies the customer by itself (collect)."""
	links = payload if isinstance(payload, Mapping) else {}
	intents = [links.get("default"), *links.values()]
	intent = next((link for link in intents if short_text(link, 2000) and link.startswith("upi://")), None)
	picture = links.get("qrcode")
	is_picture = (
		isinstance(picture, str) and picture.startswith("data:image/") and len(picture) < MAX_QR_CHARACTERS
	)
	found = {"intent": intent, "qr": picture if is_picture else None, "web": web_address(links.get("web"))}
	return filled(found)


def _bank_page(data: Any) -> str | None:
	"""The page on which the bank takes the code itself. The documentation does not say at which depth it is."""
	places = (("redirect_to_bank",), ("redirect_to_bank", "url"), ("payload", "redirect_to_bank"))
	return next((url for place in places if (url := web_address(member(data, *place)))), None)


def _form_fields(payload: Any) -> dict[str, str]:
	fields = payload if isinstance(payload, Mapping) else {}
	return {name: str(value) for name, value in fields.items() if isinstance(value, (str, int))}


# What a failed payment means for another try, by the code of error_details: https://www.cashfree.com/docs/api-reference/payments/errors
FAILURE_CLASSES = {
	"TRANSACTION_DECLINED": FailureClass.SOFT,
}
