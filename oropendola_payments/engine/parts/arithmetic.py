"""How a total is divided into parts: whole minor units and whole days, which always add up to the total."""

from collections.abc import Sequence
from itertools import accumulate

from oropendola_payments.money import unused_share

HUNDRED_PERCENT = 100_000_000  # a percentage has up to six decimals


def split(total: int, down: int, parts: int) -> list[int]:
	"""Return a down payment of `down`, if there is one, and equal parts. What cannot be divided goes to the first of all."""
	each, rest = divmod(total - down, parts)
	if down:
		return [down + rest, *[each] * parts]
	return [each + 1] * rest + [each] * (parts - rest)


def share_of(total: int, percent_millionths: int) -> int:
	"""Return a percentage of the total, rounded half up."""
	return (2 * total * percent_millionths + HUNDRED_PERCENT) // (2 * HUNDRED_PERCENT)


def least_share(total: int, percent_millionths: int) -> int:
	"""Return a percentage of the total, rounded up, as for the smallest part that is accepted."""
	return -(-total * percent_millionths // HUNDRED_PERCENT)


def tax_shares(amounts: Sequence[int], tax: int, total: int) -> list[int]:
	"""Return the tax in each part: what the sums so far contain, rounded, so that the shares add up to the tax."""
	so_far = [unused_share(tax, paid, total) if total else 0 for paid in accumulate(amounts)]
	return [after - before for before, after in zip([0, *so_far], so_far, strict=False)]


def covered_days(days: int, paid: int, total: int) -> int:
	"""Return the whole days that have been paid for. Nothing is ever served unpaid, so a fraction does not count."""
	return days * min(paid, total) // total if total else days


def days_of_parts(amounts: Sequence[int], days: int) -> list[int]:
	"""Return the days that each part buys."""
	total = sum(amounts)
	so_far = [covered_days(days, paid, total) for paid in accumulate(amounts)]
	return [after - before for before, after in zip([0, *so_far], so_far, strict=False)]


def paid_of_parts(amounts: Sequence[int], paid: int) -> list[int]:
	"""Return how much of each part is paid when this sum was paid in all. The earlier part comes first."""
	found = []
	for amount in amounts:
		found.append(max(0, min(amount, paid)))
		paid -= amount
	return found
