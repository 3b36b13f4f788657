"""A journey whose invoice is paid, for tests of what happens afterwards."""

from decimal import Decimal

import frappe

from oropendola_payments.engine.settlement import captures, overpayment
from oropendola_payments.gateways.base import Outcome, PaymentEvent
from oropendola_payments.tests.support.factories import create_active_subscription, payment_settings, unique
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


def pay_again(invoice_name: str, amount: Decimal) -> None:
	"""As if the customer had paid a paid invoice a second time. The policy for double payments decides."""
	invoice = frappe.get_doc("AI Invoice", invoice_name)
	attempt = frappe.get_last_doc("Payment Attempt", {"invoice": invoice_name})
	event = PaymentEvent(Outcome.PAID, payment_id=unique("pay"), amount=amount, currency=invoice.currency)
	capture = captures.insert_capture(invoice, attempt, event, "Duplicate", Decimal(0))
	overpayment.apply_policy(invoice, capture, amount)
	frappe.db.commit()


def overpaid_invoice() -> str:
	"""An invoice that was paid a second time, about which a manager has to decide."""
	invoice = create_active_subscription().current_invoice
	with payment_settings(double_payment_policy="Flag"):
		pay_again(invoice, Decimal(100))
	return invoice


def status_of(refund: str) -> str:
	return frappe.db.get_value("Payment Refund", refund, "status")


def ledger_of(journey: Journey):
	"""The simulator's ledger of the gateway, for tests that change it."""
	return journey.sim.providers[journey.gateway].ledger
