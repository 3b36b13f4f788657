"""What the app sends to Razorpay, and its checkout page: https://razorpay.com/docs/api/orders/create"""

from decimal import Decimal
from typing import Any

from oropendola_payments.gateways.base import PaymentRequest, RefundRequest
from oropendola_payments.gateways.errors import GatewayRefused
from oropendola_payments.gateways.parsing import filled
from oropendola_payments.gateways.razorpay.mapping import AMOUNT_DECIMALS, exponent_of
from oropendola_payments.money import to_minor

METHODS = ("card", "upi", "netbanking", "wallet", "emi", "paylater")


def minor_of(amount: Decimal, currency: str) -> int:
	"""The amount as Razorpay wants it, or a refusal that says how to change it."""
	exponent = exponent_of(currency)
	try:
		minor = to_minor(amount, currency, exponent)
	except ValueError as error:
		raise GatewayRefused(f"Razorpay cannot accept this amount: {error}") from None
	if minor % 10 ** (exponent - AMOUNT_DECIMALS.get(currency.upper(), exponent)):
		raise GatewayRefused(
			f"Razorpay accepts {currency} amounts in steps of 0.01. Please round the amount."
		)
	return minor


def order_fields(request: PaymentRequest) -> dict[str, Any]:
	"""An order that carries our reference, which comes back in every answer about it."""
	return {
		"amount": minor_of(request.amount, request.currency),
		"currency": request.currency.upper(),
		"receipt": request.reference,
		"notes": {"attempt": request.reference, "invoice": request.invoice[:256]},
	}


def script_options(request: PaymentRequest, order: dict[str, Any], key_id: str) -> dict[str, Any]:
	"""What our page calls Razorpay's script with."""
	customer = request.customer
	prefill = {"name": customer.name, "email": customer.email, "contact": customer.phone}
	if request.method in METHODS:
		prefill["method"] = request.method
	return {
		**_checkout_options(request, order),
		"key": key_id,
		"prefill": filled(prefill),
		"notes": {"attempt": request.reference},
		"callback_url": request.return_url,
		"redirect": True,
	}


def form_fields(request: PaymentRequest, order: dict[str, Any], key_id: str) -> dict[str, str]:
	"""The form that leads to Razorpay's own page, for browsers without the script."""
	customer = request.customer
	fields = {
		**_checkout_options(request, order),
		"key_id": key_id,
		"prefill[name]": customer.name,
		"prefill[email]": customer.email,
		"prefill[contact]": customer.phone,
		"notes[attempt]": request.reference,
		"callback_url": request.return_url,
		"cancel_url": request.cancel_url,
	}
	return {name: str(value) for name, value in filled(fields).items()}


def refund_fields(request: RefundRequest) -> dict[str, Any]:
	"""A refund that carries our key, so that it can be found again."""
	return {
		"amount": minor_of(request.amount, request.currency),
		"speed": "optimum" if request.speed == "instant" else "normal",
		"receipt": request.key,
		"notes": {"refund": request.key, "attempt": request.payment.reference},
	}


def _checkout_options(request: PaymentRequest, order: dict[str, Any]) -> dict[str, Any]:
	return {
		"amount": order["amount"],
		"currency": order["currency"],
		"order_id": order["id"],
		"name": request.description[:255],
		"description": request.description[:255],
	}
