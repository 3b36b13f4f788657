"""A journey whose invoice is paid, for tests of what happens afterwards."""

import frappe

from oropendola_payments.tests.support.journey import Journey
from oropendola_payments.tests.support.time_travel import clear_due_records, sweep_until_settled


def paid_journey(gateway: str = "payu") -> Journey:
	clear_due_records()
	journey = Journey(gateway)
	journey.deliver_return(journey.customer_pays(journey.start()))
	sweep_until_settled(journey)
	if journey.status() != "Paid":
		raise AssertionError(f"{gateway}: the invoice is {journey.status()}")
	return journey


def status_of(refund: str) -> str:
	return frappe.db.get_value("Payment Refund", refund, "status")


def ledger_of(journey: Journey):
	"""The simulator's ledger of the gateway, for tests that change it."""
	return journey.sim.providers[journey.gateway].ledger
