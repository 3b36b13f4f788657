"""Limit the codes that a customer can guess. The count is in the database, so that an emptied cache does not reset it."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import frappe
from frappe import _

from oropendola_payments.engine.core import counters
from oropendola_payments.engine.coupons.eligibility import CouponRefused
from oropendola_payments.exceptions import TooManyRequests

KIND = "coupon guess"
WRONG_GUESSES = 10
SECONDS = 3600


@contextmanager
def limited(user: str) -> Iterator[None]:
	"""Look up a typed code inside. Raises TooManyRequests after too many refused codes within an hour.

	Each look-up is counted before it is made, so that parallel ones cannot pass together, and taken back unless the code was refused.
	"""
	count, seconds_left = counters.count(KIND, user, SECONDS)
	if count > WRONG_GUESSES:
		message = _("Too many coupon codes were wrong. Please try again in {0} minutes.")
		raise TooManyRequests(message.format(math.ceil(seconds_left / 60)))
	try:
		yield
	except CouponRefused:
		raise
	except Exception:
		frappe.db.rollback()
		counters.take_back(KIND, user)
		raise
	counters.take_back(KIND, user)
