"""What both products of PhonePe have in common: rupees as whole paise, and addresses to send a customer to."""

from decimal import Decimal

from oropendola_payments.gateways.errors import GatewayRefused
from oropendola_payments.gateways.http import short_text
from oropendola_payments.money import from_minor, to_minor

LABEL = "PhonePe"
MAX_PAISE = 10**15


def paise_of(amount: Decimal, currency: str) -> int:
	if currency.upper() != "INR":
		raise GatewayRefused(f"PhonePe accepts Indian rupees only, not {currency}.")
	return to_minor(amount, "INR")


def rupees_of(paise) -> Decimal | None:
	"""The amount in an answer, or None where it is no sensible whole number of paise."""
	is_whole = isinstance(paise, int) and not isinstance(paise, bool)
	return from_minor(paise, "INR") if is_whole and 0 < paise < MAX_PAISE else None


def address_of(url) -> str | None:
	text = short_text(url, 2000)
	return text if text and text.startswith(("https://", "http://")) else None


def refusal(answer: dict) -> GatewayRefused:
	"""The error for an answer that says no, with PhonePe's own code and sentence."""
	code = short_text(answer.get("code")) or short_text(answer.get("errorCode"))
	told = short_text(answer.get("message"), 200) or code or "no reason given"
	return GatewayRefused(f"PhonePe refused the request: {told}.", gateway_code=code)
