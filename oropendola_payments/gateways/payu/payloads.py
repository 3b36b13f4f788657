"""The form that the browser posts to PayU: https://docs.payu.in/reference/_payment_payu_hosted_checkout"""

import re
from collections.abc import Mapping

from oropendola_payments.gateways.base import PaymentRequest
from oropendola_payments.gateways.errors import GatewayRefused
from oropendola_payments.gateways.payu.mapping import CURRENCY
from oropendola_payments.gateways.payu.signature import merchant_salt, request_hash
from oropendola_payments.money import money_text

# Characters that split the hash, or that pages on the way turn into HTML entities.
UNSAFE = re.compile(r"[|<>&\"'\\\x00-\x1f\x7f]+")


def form_fields(request: PaymentRequest, secrets: Mapping[str, str]) -> dict[str, str]:
	"""The fields of the pay form with their hash; GatewayRefused for what PayU cannot take."""
	if request.currency.upper() != CURRENCY:
		raise GatewayRefused(
			f"PayU accepts INR only, not {request.currency}. Please choose another way to pay."
		)
	names = _clean(request.customer.name, 60).split(" ", 1)
	fields = {
		"key": secrets.get("key_id", ""),
		"txnid": request.reference,
		# Hashed and posted as the very same characters: 10, 10.0 and 10.00 are three different hashes.
		"amount": money_text(request.amount, CURRENCY),
		"productinfo": _clean(request.description, 100) or "Payment",
		"firstname": names[0][:20] or "Customer",
		"lastname": names[1][:20].strip() if len(names) > 1 else "",
		"email": _email(request.customer.email),
		"phone": _phone(request.customer.phone),
		"surl": request.return_url,
		# A cancel comes to furl too, signed; `curl` is left out, it takes 50 characters only.
		"furl": request.cancel_url,
		"udf1": _clean(request.invoice, 255),
		**{f"udf{number}": "" for number in range(2, 6)},
	}
	return {**fields, "hash": request_hash(fields, merchant_salt(secrets))}


def script_options(fields: dict[str, str], flow: str) -> dict[str, str]:
	"""What our page calls PayU's script Bolt with."""
	return {
		**fields,
		"enforce_paymethod": "",
		"display_lang": "EN",
		"pg_redirect_flow": flow,
		"show_payment_mode": "CC,DC,NB,UPI,CASH",
	}


def _clean(text: str, limit: int) -> str:
	return " ".join(UNSAFE.sub(" ", text).split())[:limit].strip()


def _email(address: str) -> str:
	if len(address) > 50 or UNSAFE.search(address):
		raise GatewayRefused(
			"PayU accepts plain email addresses of up to 50 characters. Please use a shorter one."
		)
	return address


def _phone(number: str) -> str:
	digits = re.sub(r"[^0-9+]", "", number)[:50]
	if not digits:
		raise GatewayRefused("PayU needs a phone number. Please add one to your profile and try again.")
	return digits
