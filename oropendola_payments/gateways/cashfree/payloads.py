"""What Cashfree is told about an order: who pays, until when, and where the browser goes afterwards."""

import hashlib
import re
from datetime import datetime, timedelta

from oropendola_payments.gateways.base import PaymentRequest
from oropendola_payments.gateways.errors import GatewayRefused

EXPIRY = timedelta(minutes=30)  # Cashfree wants at least about fifteen
LONGEST_ADDRESS = 250
# What the hosted page offers when the customer chose a kind of payment before.
HOSTED_METHODS = {
	"card": "cc,dc,ppc",
	"upi": "upi",
	"netbanking": "nb",
	"wallet": "app",
	"paylater": "paylater",
}


def order_fields(request: PaymentRequest, now: datetime) -> dict:
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
		"order_tags": {name: value for name, value in tags.items() if value},
		**({"order_note": note} if len(note) >= 3 else {}),
	}


def _customer(request: PaymentRequest) -> dict:
	customer = request.customer
	return {
		# An id of the payer that gives away nothing about them.
		"customer_id": hashlib.sha256(customer.email.lower().encode()).hexdigest()[:32],
		"customer_phone": _phone(customer.phone),
		**({"customer_email": customer.email} if 3 <= len(customer.email) <= 100 else {}),
		**({"customer_name": customer.name[:100]} if len(customer.name) >= 3 else {}),
	}


def _phone(text: str) -> str:
	"""Ten digits for an Indian number, `+` and digits for others."""
	digits = re.sub(r"\D", "", text)
	if len(digits) == 12 and digits.startswith("91"):
		digits = digits[2:]
	if len(digits) == 11 and digits.startswith("0"):
		digits = digits[1:]
	if not 10 <= len(digits) <= 15:
		raise GatewayRefused(
			"Cashfree needs the customer's phone number. Please add it to the profile and try again."
		)
	return digits if len(digits) == 10 else f"+{digits}"


def _order_meta(request: PaymentRequest) -> dict:
	hook, offered = request.webhook_url, HOSTED_METHODS.get(request.method or "")
	is_reachable = hook.startswith("https://") and len(hook) <= LONGEST_ADDRESS
	return {
		"return_url": request.return_url,
		**({"notify_url": hook} if is_reachable else {}),
		**({"payment_methods": offered} if offered else {}),
	}
