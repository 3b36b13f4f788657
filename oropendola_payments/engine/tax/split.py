"""The arithmetic of tax: every line is rounded by itself, half up, and net and lines always sum to the total."""

from collections.abc import Sequence
from decimal import Decimal

from oropendola_payments.money import quantize


def split(
	price: Decimal, currency: str, rates: Sequence[Decimal], inclusive: bool
) -> tuple[Decimal, list[Decimal]]:
	"""Return the net amount and the amount of each line.

	From a price that includes tax the lines are cut first and the net amount is the rest, so that equal rates always have
	equal amounts.
	"""
	if not inclusive:
		return price, [quantize(price * rate / 100, currency) for rate in rates]
	whole = 100 + sum(rates, Decimal(0))
	amounts = [quantize(price * rate / whole, currency) for rate in rates]
	return price - sum(amounts, Decimal(0)), amounts
