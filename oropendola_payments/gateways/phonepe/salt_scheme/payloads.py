"""What the app sends to PhonePe's salt scheme: https://developer.phonepe.com/v1/reference/pay-api-1 and /refund-8"""

import hashlib
from typing import Any

from oropendola_payments.gateways.base import PaymentRequest, RefundRequest
from oropendola_payments.gateways.errors import NotSupported
from oropendola_payments.gateways.parsing import short_text
from oropendola_payments.gateways.phonepe.payloads import paise_of

REFUND_MARK = "refund"


def order_body(request: PaymentRequest, merchant: str) -> dict[str, Any]:
	"""An order that is paid on PhonePe's own page."""
	if request.flow == "embedded":
		raise NotSupported("PhonePe's salt scheme opens its own page only. Please use the redirect flow.")
	return {
		"merchantId": merchant,
		"merchantTransactionId": request.reference,
		"merchantUserId": payer_of(request),
		"amount": paise_of(request.amount, request.currency),
		"redirectUrl": request.return_url,
		"redirectMode": "REDIRECT",
		"callbackUrl": request.webhook_url,
		"paymentInstrument": {"type": "PAY_PAGE"},
	}


def refund_body(request: RefundRequest, merchant: str) -> dict[str, Any]:
	"""A refund under our key, by which it is found again."""
	return {
		"merchantId": merchant,
		"merchantUserId": short_text(request.payment.data.get("user")) or _id_of(request.payment.reference),
		"originalTransactionId": request.payment.reference,
		"merchantTransactionId": request.key,
		"amount": paise_of(request.amount, request.currency),
		# A callback names its transaction only: the address says that it is about a refund.
		"callbackUrl": f"{request.webhook_url}&{REFUND_MARK}=1",
	}


def payer_of(request: PaymentRequest) -> str:
	"""An id of the payer that gives away nothing about them."""
	return _id_of(request.customer.identity)


def _id_of(text: str) -> str:
	return hashlib.sha256(text.encode()).hexdigest()[:32]
