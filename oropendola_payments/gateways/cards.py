"""What must never come here: numbers and security codes of cards."""

import re
from collections.abc import Mapping

from oropendola_payments.gateways.errors import GatewayRefused

FORBIDDEN_KEYS = re.compile(r"card_?num|pan$|cvv|cvc|expir|security_?code", re.IGNORECASE)
CARD_NUMBER = re.compile(r"(?<!\d)(?:\d[ .-]?){11,18}\d(?!\d)")


def refuse_card_data(details: Mapping[str, str]) -> None:
	"""Card numbers and security codes must not reach this server, not even on their way to the gateway."""
	for name, value in details.items():
		numbers = [re.sub(r"\D", "", found) for found in CARD_NUMBER.findall(str(value))]
		if FORBIDDEN_KEYS.search(name) or any(_passes_luhn(number) for number in numbers):
			raise GatewayRefused(
				"Card details are typed on the gateway's page only. Please do not send them here."
			)


def _passes_luhn(number: str) -> bool:
	digits = [int(digit) for digit in reversed(number)]
	doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
	return (sum(digits[::2]) + sum(doubled)) % 10 == 0
