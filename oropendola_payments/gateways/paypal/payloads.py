"""What the app sends to PayPal: https://developer.paypal.com/docs/api/orders/v2/"""

from decimal import Decimal
from typing import Any

from oropendola_payments.gateways.base import PaymentRequest, RefundRequest
from oropendola_payments.gateways.errors import GatewayRefused
from oropendola_payments.gateways.paypal.mapping import EXPONENTS, REFUND_TAG
from oropendola_payments.money import money_text


def order_body(request: PaymentRequest) -> dict[str, Any]:
	"""An order that is captured by a call of its own, after the payer approved it."""
	unit = {
		"reference_id": request.reference,
		"custom_id": request.reference,
		# Shown to the payer and unique by account setting: the attempt, never the invoice.
		"invoice_id": request.reference,
		"description": request.description[:127],
		"amount": _amount(request.amount, request.currency),
	}
	experience = {
		"return_url": request.return_url,
		"cancel_url": request.cancel_url,
		"shipping_preference": "NO_SHIPPING",
		"user_action": "PAY_NOW",
		"payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
	}
	source = {"paypal": {"experience_context": experience}}
	return {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source}


def refund_body(request: RefundRequest) -> dict[str, Any]:
	"""A refund under our tag, so that it can be found again."""
	tag = refund_tag(request)
	body = {"amount": _amount(request.amount, request.currency), "custom_id": tag, "invoice_id": tag}
	return {**body, "note_to_payer": request.reason[:255]} if request.reason else body


def refund_tag(request: RefundRequest) -> str:
	"""Our key as PayPal keeps it: request id, custom id and invoice id of the refund."""
	return REFUND_TAG + request.key


def _amount(amount: Decimal, currency: str) -> dict[str, str]:
	try:
		value = money_text(amount, currency, EXPONENTS.get(currency, 2))
	except ValueError as error:
		raise GatewayRefused(f"PayPal cannot accept this amount: {error}") from None
	return {"currency_code": currency, "value": value}
