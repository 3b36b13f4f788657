"""Divide a refund over the parts of a document: its items and its heads of tax."""

from decimal import Decimal

from oropendola_payments.money import from_minor, to_minor


def split_refund(
	refund: Decimal,
	items: list[Decimal],
	taxes: list[Decimal],
	credited_items: list[Decimal],
	credited_taxes: list[Decimal],
	currency: str,
) -> tuple[list[Decimal], list[Decimal]]:
	"""Return what a credit note takes off each item and each head.

	Each head is credited in proportion to all refunds so far, rounded half up, minus what earlier notes credited; the items take the
	rest. No part is ever credited below zero or above what is left of it, so a refund of all that is left is the exact rest.
	"""
	whole = _minor([*items, *taxes], currency)
	credited = _minor([*credited_items, *credited_taxes], currency)
	left = [amount - given for amount, given in zip(whole, credited, strict=True)]
	amount, first_tax = to_minor(refund, currency), len(items)
	if not 0 < amount <= sum(left):
		raise ValueError(f"{refund} is not between zero and what is left of the document.")
	so_far = sum(credited) + amount
	parts = [
		min(max(_rounded(part * so_far, sum(whole)) - given, 0), rest)
		for part, given, rest in zip(whole, credited, left, strict=True)
	]
	_fit(parts, left, amount, first_tax)
	shares = [from_minor(part, currency) for part in parts]
	return shares[:first_tax], shares[first_tax:]


def _fit(parts: list[int], left: list[int], amount: int, first_tax: int) -> None:
	"""Make the parts add up to the amount: the items give or take first, then the heads, the last one first."""
	order = [*range(first_tax), *range(len(parts) - 1, first_tax - 1, -1)]
	for place in order:
		excess = sum(parts) - amount
		if excess > 0:
			parts[place] -= min(excess, parts[place])
		else:
			parts[place] += min(-excess, left[place] - parts[place])


def _rounded(numerator: int, denominator: int) -> int:
	return (2 * numerator + denominator) // (2 * denominator)


def _minor(amounts: list[Decimal], currency: str) -> list[int]:
	return [to_minor(amount, currency) for amount in amounts]
