"""What the app sends to Cashfree about orders, direct payments and refunds.

https://www.cashfree.com/docs/api-reference/payments/latest/orders/create, .../payments/pay and .../refunds/create. Card
numbers never come here: a saved card is named by its instrument id.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from oropendola_payments.gateways.base import PaymentEvent, PaymentRef, PaymentRequest, RefundRequest
from oropendola_payments.gateways.errors import GatewayRefused
from oropendola_payments.gateways.parsing import filled, short_text
from oropendola_payments.money import money_text

UPI_ID = re.compile(r"[A-Za-z0-9._-]{2,256}@[A-Za-z0-9]{2,64}")
OTP = re.compile(r"[0-9]{4,10}")
COLLECT_MINUTES = 5
EXPIRY = timedelta(minutes=30)  # Cashfree wants at least about fifteen
MAX_ADDRESS = 250
# What the hosted page offers when the customer chose a kind of payment before.
HOSTED_METHODS = {
	"card": "cc,dc,ppc",
	"upi": "upi",
	"netbanking": "nb",
	"wallet": "app",
	"paylater": "paylater",
}


def order_body(request: PaymentRequest, now: datetime) -> str:
	"""An order that can be paid for half an hour."""
	return json_of(order_fields(request, now), order_amount=money_text(request.amount, request.currency))


def order_fields(request: PaymentRequest, now: datetime) -> dict[str, Any]:
	"""Everything about the order but its amount, which has to be written as an exact number."""
	ends = (now + EXPIRY).replace(microsecond=0)
	tags = {"reference": request.reference, "invoice": request.invoice}
	note = request.description[:200]
	return {
		"order_id": request.reference,
		"order_currency": request.currency.upper(),
		"customer_details": _customer(request),
		"order_meta": _order_meta(request),
		"order_expiry_time": ends.isoformat(),
		"order_tags": filled(tags),
		**({"order_note": note} if len(note) >= 3 else {}),
	}


def capture_body(payment: PaymentRef, event: PaymentEvent) -> str:
	"""The capture of a held amount."""
	amount = money_text(event.amount or payment.amount, payment.currency)
	return json_of({"action": "CAPTURE"}, amount=amount)


def refund_body(request: RefundRequest) -> str:
	"""A refund under our key, by which it is found again."""
	note = (request.reason or "Refund").strip()[:100]
	fields = {
		"refund_id": request.key,
		"refund_note": note if len(note) >= 3 else "Refund",
		"refund_speed": "INSTANT" if request.speed == "instant" else "STANDARD",
	}
	return json_of(fields, refund_amount=money_text(request.amount, request.currency))


def method_of(method: str | None, details: Mapping[str, str]) -> dict[str, Any] | None:
	"""Order Pay's `payment_method`, or None where the customer chooses on Cashfree's page."""
	build = BUILDERS.get(method or "")
	return build(details) if build else None


def otp_body(otp: str | None) -> dict[str, Any]:
	"""The body that passes a code on, or requests a new one from the bank."""
	return {"action": "RESEND_OTP"} if otp is None else {"action": "SUBMIT_OTP", "otp": otp}


def is_code(otp: str) -> bool:
	"""Whether a text can be a one-time code at all."""
	return bool(OTP.fullmatch(otp))


def json_of(fields: Mapping[str, Any], **amounts: str) -> str:
	"""JSON in which the amounts stand as the exact numbers of their texts, never as floats."""
	numbers = "".join(f', "{name}": {text}' for name, text in amounts.items())
	return json.dumps(fields)[:-1] + numbers + "}"


def _customer(request: PaymentRequest) -> dict[str, Any]:
	customer = request.customer
	return {
		# An id of the payer that gives away nothing about them.
		"customer_id": hashlib.sha256(customer.identity.encode()).hexdigest()[:32],
		"customer_phone": _phone(customer.phone),
		**({"customer_email": customer.email} if 3 <= len(customer.email) <= 100 else {}),
		**({"customer_name": customer.name[:100]} if len(customer.name) >= 3 else {}),
	}


def _phone(text: str) -> str:
	"""Ten digits for an Indian number, `+` and digits for others, which may have ten digits too."""
	digits = re.sub(r"\D", "", text)
	is_foreign = text.strip().startswith("+") and not digits.startswith("91")
	if len(digits) == 12 and digits.startswith("91"):
		digits = digits[2:]
	if len(digits) == 11 and digits.startswith("0"):
		digits = digits[1:]
	if not 10 <= len(digits) <= 15:
		raise GatewayRefused(
			"Cashfree needs the customer's phone number. Please add it to the profile and try again."
		)
	return digits if len(digits) == 10 and not is_foreign else f"+{digits}"


def _order_meta(request: PaymentRequest) -> dict[str, Any]:
	hook, offered = request.webhook_url, HOSTED_METHODS.get(request.method or "")
	is_reachable = hook.startswith("https://") and len(hook) <= MAX_ADDRESS
	return {
		"return_url": request.return_url,
		**({"notify_url": hook} if is_reachable else {}),
		**({"payment_methods": offered} if offered else {}),
	}


def _card_saved(details: Mapping[str, str]) -> dict[str, Any]:
	instrument = _needed(details, "instrument_id", "Please choose one of the saved cards.")
	return {"card": {"channel": "post", "instrument_id": instrument}}


def _collect(details: Mapping[str, str]) -> dict[str, Any]:
	upi_id = _needed(details, "vpa", "Please enter the UPI ID, such as name@bank.")
	if not UPI_ID.fullmatch(upi_id):
		raise GatewayRefused("That is not a UPI ID. Please enter it like name@bank.")
	return {"upi": {"channel": "collect", "upi_id": upi_id, "upi_expiry_minutes": COLLECT_MINUTES}}


def _netbanking(details: Mapping[str, str]) -> dict[str, Any]:
	code = _needed(details, "bank_code", "Please choose the bank.")
	if not (code.isascii() and code.isdigit() and len(code) <= 6):
		raise GatewayRefused("That is not a bank code of Cashfree. Please choose the bank from the list.")
	return {"netbanking": {"channel": "link", "netbanking_bank_code": int(code)}}


# What the customer pays by, without Cashfree's page.
DIRECT_METHODS: Mapping[str, str] = {
	"upi_intent": "upi",
	"upi_qr": "upi",
	"upi_collect": "upi",
	"netbanking": "netbanking",
	"saved_card": "card",
}
BUILDERS: Mapping[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {
	"upi_intent": lambda details: {"upi": {"channel": "link"}},
	"upi_qr": lambda details: {"upi": {"channel": "qrcode"}},
	"upi_collect": _collect,
	"netbanking": _netbanking,
	"saved_card": _card_saved,
}


def _needed(details: Mapping[str, str], name: str, message: str) -> str:
	value = short_text(details.get(name))
	if not value:
		raise GatewayRefused(message)
	return value
