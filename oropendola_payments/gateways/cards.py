"""Refuses card numbers and security codes, which must never reach this server."""

import re
from collections.abc import Mapping

from oropendola_payments.gateways.errors import GatewayRefused

FORBIDDEN_KEYS = re.compile(r"card_?num|pan$|cvv|cvc|expir|security_?code", re.IGNORECASE)
CARD_NUMBER = re.compile(r"(?<!\d)(?:\d[ .-]?){11,18}\d(?!\d)")


def refuse_card_data(details: Mapping[str, str]) -> None:
	"""Raise GatewayRefused where a payment detail looks like card data, by its name or by its digits."""
	for name, value in details.items():
		numbers = [re.sub(r"\D", "", found) for found in CARD_NUMBER.findall(str(value))]
		if FORBIDDEN_KEYS.search(name) or any(passes_luhn(number) for number in numbers):
			raise GatewayRefused(
				"Card details may be entered only on the gateway's page. Please do not send them here."
			)


def passes_luhn(number: str) -> bool:
	"""Whether the last digit is the check digit that a card number would have."""
	digits = [int(digit) for digit in reversed(number)]
	doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
	return (sum(digits[::2]) + sum(doubled)) % 10 == 0
