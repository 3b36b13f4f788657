"""Exact amounts: `Decimal` in major units, `int` in minor units, never float."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache
from typing import TypeAlias

from babel.numbers import get_currency_precision, list_currencies

# An amount as it comes from code, a request or the database. `to_decimal` refuses anything else.
Amount: TypeAlias = Decimal | float | str | None


def exponent_of(currency: str) -> int:
	"""Return the number of decimals of a currency: 2 for INR, 0 for JPY, 3 for KWD."""
	code = (currency or "").upper()
	if code not in _known_currencies():
		raise ValueError(f"{currency!r} is not a currency code. Please use a three-letter ISO 4217 code.")
	return get_currency_precision(code)


def to_decimal(value: Amount) -> Decimal:
	"""Return the exact decimal. A float from the database becomes the decimal that it prints as."""
	if isinstance(value, bool) or value is None or value == "":
		raise ValueError("An amount is missing.")
	try:
		number = Decimal(str(value).strip())
	except InvalidOperation:
		raise ValueError(f"{value!r} is not an amount.") from None
	if not number.is_finite():
		raise ValueError(f"{value!r} is not an amount.")
	return number


def to_minor(amount: Amount, currency: str, exponent: int | None = None) -> int:
	"""Return minor units (paise, cents). An amount with too many decimals is refused, not rounded."""
	exponent = exponent_of(currency) if exponent is None else exponent
	scaled = to_decimal(amount).scaleb(exponent)
	if scaled != scaled.to_integral_value():
		raise ValueError(f"{amount} has too many decimal places for {currency}.")
	return int(scaled)


def from_minor(minor: int, currency: str, exponent: int | None = None) -> Decimal:
	"""Return the amount in major units, with the decimals of its currency."""
	if isinstance(minor, bool) or not isinstance(minor, int):
		raise ValueError(f"{minor!r} is not a whole number of minor units.")
	exponent = exponent_of(currency) if exponent is None else exponent
	return Decimal(minor).scaleb(-exponent)


def quantize(amount: Amount, currency: str) -> Decimal:
	"""Return the amount rounded half up to the decimals of its currency, for computed amounts such as tax."""
	step = Decimal(1).scaleb(-exponent_of(currency))
	return to_decimal(amount).quantize(step, rounding=ROUND_HALF_UP)


def unused_share(full: int, days_left: int, days: int) -> int:
	"""Return the part of a price in minor units that the days left of a period are worth, rounded half up.

	The share is taken from the whole price and never from a rounded price for a day, so that the shares of a period add up to it.
	"""
	if not 0 <= days_left <= days or days < 1 or full < 0:
		raise ValueError(f"{days_left} of {days} days of {full} minor units is not a share of a period.")
	return (2 * full * days_left + days) // (2 * days)


def money_text(amount: Amount, currency: str, exponent: int | None = None) -> str:
	"""Return the amount as text for gateways: `1499.50`, `500`, `5.125`, never `1e3` or `1,499.50`."""
	return f"{from_minor(to_minor(amount, currency, exponent), currency, exponent):f}"


def same_money(amount: Amount, currency: str, other_amount: Amount, other_currency: str) -> bool:
	return currency.upper() == other_currency.upper() and to_decimal(amount) == to_decimal(other_amount)


@cache
def _known_currencies() -> frozenset[str]:
	return frozenset(list_currencies())
