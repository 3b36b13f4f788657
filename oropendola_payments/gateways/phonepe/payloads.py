"""What the app sends to PhonePe: https://developer.phonepe.com/payment-gateway/website-integration/standard-checkout"""

from decimal import Decimal
from typing import Any

from oropendola_payments.gateways.base import PaymentRequest, RefundRequest
from oropendola_payments.gateways.errors import GatewayRefused
from oropendola_payments.money import to_minor

EXPIRY_SECONDS = 1800  # PhonePe allows 300 to 3600


def paise_of(amount: Decimal, currency: str) -> int:
	"""The amount in whole paise; GatewayRefused for another currency."""
	if currency.upper() != "INR":
		raise GatewayRefused(f"PhonePe accepts Indian rupees only, not {currency}.")
	return to_minor(amount, "INR")


def order_body(request: PaymentRequest) -> dict[str, Any]:
	"""An order that ends after half an hour."""
	order = {
		"merchantOrderId": request.reference,
		"amount": paise_of(request.amount, request.currency),
		"expireAfter": EXPIRY_SECONDS,
		"paymentFlow": {"type": "PG_CHECKOUT", "merchantUrls": {"redirectUrl": request.return_url}},
	}
	return {**order, "metaInfo": {"udf1": request.invoice[:256]}} if request.invoice else order


def refund_body(request: RefundRequest) -> dict[str, Any]:
	"""A refund under our key, by which it is found again."""
	return {
		"merchantRefundId": request.key,
		"originalMerchantOrderId": request.payment.reference,
		"amount": paise_of(request.amount, request.currency),
	}
