"""What the app sends to Stripe: https://docs.stripe.com/api/checkout/sessions/create"""

from decimal import Decimal
from typing import Any

from oropendola_payments.gateways.base import PaymentRequest, RefundRequest
from oropendola_payments.gateways.errors import GatewayRefused
from oropendola_payments.gateways.stripe.mapping import AMOUNT_DECIMALS, REFERENCE, REFUND_KEY, exponent_of
from oropendola_payments.money import from_minor, to_minor

MAX_MINOR = 99_999_999


def minor_of(amount: Decimal, currency: str) -> int:
	"""The amount as Stripe wants it, or a refusal that says how to change it."""
	code = currency.upper()
	exponent = exponent_of(code)
	try:
		minor = to_minor(amount, code, exponent)
	except ValueError as error:
		raise GatewayRefused(f"Stripe cannot accept this amount: {error}") from None
	if minor % 10 ** (exponent - AMOUNT_DECIMALS.get(code, exponent)):
		raise GatewayRefused(f"{amount} has too many decimal places for Stripe in {code}. Please round it.")
	if minor > MAX_MINOR:
		largest = from_minor(MAX_MINOR, code, exponent)
		raise GatewayRefused(
			f"Stripe accepts payments of up to {code} {largest:,}. Please choose another way to pay."
		)
	return minor


def session_params(request: PaymentRequest) -> dict[str, Any]:
	"""A Checkout Session for exactly this amount and currency."""
	metadata = {REFERENCE: request.reference, "invoice": request.invoice[:500]}
	description = request.description[:500] or request.reference
	params = {
		"mode": "payment",
		"client_reference_id": request.reference,
		"line_items": [_line(request, description)],
		# Stripe copies metadata neither from the session to the payment nor the other way round.
		"metadata": metadata,
		"payment_intent_data": {"metadata": metadata, "description": description},
		# Otherwise the customer may pay another amount in another currency than the invoice's.
		"adaptive_pricing": {"enabled": False},
		**_return_urls(request),
	}
	if "@" in request.customer.email:
		params["customer_email"] = request.customer.email
	return params


def refund_params(request: RefundRequest) -> dict[str, Any]:
	"""A refund that carries our key, so that it can be found again."""
	return {
		**payment_of(request),
		"amount": minor_of(request.amount, request.currency),
		"reason": "requested_by_customer",
		"metadata": {REFUND_KEY: request.key, REFERENCE: request.payment.reference},
	}


def payment_of(request: RefundRequest) -> dict[str, str]:
	"""How Stripe names the payment of a refund: by its charge or by its payment intent."""
	name = "charge" if request.payment_id.startswith(("ch_", "py_")) else "payment_intent"
	return {name: request.payment_id}


def _line(request: PaymentRequest, description: str) -> dict[str, Any]:
	price = {
		"currency": request.currency.lower(),
		"unit_amount": minor_of(request.amount, request.currency),
		"product_data": {"name": description[:250]},
	}
	return {"quantity": 1, "price_data": price}


def _return_urls(request: PaymentRequest) -> dict[str, str]:
	mark = "&" if "?" in request.return_url else "?"
	returned = f"{request.return_url}{mark}session_id={{CHECKOUT_SESSION_ID}}"
	if request.flow == "embedded":
		return {"ui_mode": "embedded_page", "return_url": returned}
	return {"success_url": returned, "cancel_url": request.cancel_url}
