"""What the app sends to Cashflows: https://developer.cashflows.com/api_reference/cashflows_gateway.html"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from oropendola_payments.gateways.base import PaymentEvent, PaymentRequest, RefundRequest
from oropendola_payments.gateways.errors import GatewayRefused
from oropendola_payments.money import to_minor


def job_body(request: PaymentRequest, expires_at: datetime) -> dict[str, Any]:
	"""A payment job that expires at a time of ours; Cashflows' own default is six months."""
	order: dict[str, Any] = {"orderNumber": request.reference, "note": request.description[:100]}
	if request.customer.email:
		order["billingIdentity"] = {"emailAddress": request.customer.email}
	return {
		"type": "Payment",
		"amountToCollect": _amount(request.amount, request.currency),
		"currency": request.currency,
		"locale": "en_GB",
		"order": order,
		"parameters": {
			"returnUrlSuccess": request.return_url,
			"returnUrlFailed": request.return_url,
			"returnUrlCancelled": request.cancel_url,
			"webhookUrl": request.webhook_url,
		},
		"expirationDateTimeUtc": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
	}


def capture_body(reserved: PaymentEvent) -> dict[str, Any]:
	"""The whole of a reserved amount, in one capture."""
	amount = _amount(reserved.amount or Decimal(0), reserved.currency or "")
	return {"amountToCapture": amount, "isFinalCapture": True}


def refund_body(request: RefundRequest) -> dict[str, Any]:
	"""A refund under our key, by which it can be found again."""
	return {"amountToRefund": _amount(request.amount, request.currency), "refundNumber": request.key}


def _amount(amount: Decimal, currency: str) -> str:
	"""Two decimals with a dot, whatever the currency, and nothing finer than the currency has."""
	try:
		to_minor(amount, currency)
		return f"{Decimal(to_minor(amount, currency, 2)).scaleb(-2):f}"
	except ValueError as error:
		raise GatewayRefused(f"Cashflows cannot accept this amount: {error}") from None
