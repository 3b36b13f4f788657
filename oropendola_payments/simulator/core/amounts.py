"""Amounts in whole minor units, with a table of decimals that is shared with no other code."""

from decimal import Decimal, InvalidOperation

NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"


def decimals_of(currency: str) -> int:
	"""The number of decimals of a currency by ISO 4217; some providers deviate from it."""
	if currency in NO_DECIMALS.split():
		return 0
	return 3 if currency in THREE_DECIMALS.split() else 2


def to_minor(value, currency: str, decimals: int | None = None) -> int:
	"""The minor units of an amount in major units; ValueError for anything a strict provider would refuse."""
	decimals = decimals_of(currency) if decimals is None else decimals
	try:
		scaled = Decimal(str(value).strip()).scaleb(decimals)
	except InvalidOperation:
		raise ValueError(f"{value!r} is not an amount") from None
	if not scaled.is_finite() or scaled != scaled.to_integral_value():
		raise ValueError(f"{value!r} has more than {decimals} decimals")
	return int(scaled)


def to_text(minor: int, currency: str, decimals: int | None = None) -> str:
	"""`1499.50` for 149950 paise."""
	decimals = decimals_of(currency) if decimals is None else decimals
	return f"{Decimal(minor).scaleb(-decimals):f}"
