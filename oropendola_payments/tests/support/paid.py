"""A journey whose invoice is paid, for tests of what may happen to the money afterwards."""

import frappe

from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.time_travel import forget_the_past, settle_down


def paid_journey(gateway: str = "payu") -> Journey:
	forget_the_past()
	journey = Journey(gateway)
	journey.bring_back(journey.customer_pays(journey.start()))
	settle_down(journey)
	if journey.status() != "Paid":
		raise AssertionError(f"{gateway}: the invoice is {journey.status()}")
	return journey


def status_of(refund: str) -> str:
	return frappe.db.get_value("Payment Refund", refund, "status")


def books_of(journey: Journey):
	"""The simulator's own entries of the gateway, to change what the gateway knows."""
	return journey.sim.dialects[journey.gateway].books
