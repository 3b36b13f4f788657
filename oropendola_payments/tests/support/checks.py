"""What must hold at the end of every flow, however it went: the books agree, who paid is served, the trail is whole."""

from collections import Counter

import frappe

from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.engine.monitoring import audit, invariants
from oropendola_payments.money import quantize, to_minor
from oropendola_payments.tests.support.simulated import simulator


def problems(journey) -> list[str]:
	return [
		*books_that_differ(journey),
		*service_that_is_wrong(journey),
		*broken_promises(journey),
		*broken_trail(journey),
	]


def books_that_differ(journey) -> list[str]:
	"""The books of all gateways against ours, to the last payment and the last minor unit."""
	theirs, ours = simulator_books(journey), site_books(journey)
	return [f"The gateways have {theirs}, the site has {ours}."] if theirs != ours else []


def simulator_books(journey) -> list[tuple]:
	attempts = set(journey.attempts())
	return sorted(
		(gateway, charge.payment_id, charge.amount_minor, charge.currency, charge.refunded_minor)
		for gateway in journey.gateways()
		for charge in simulator().books(gateway)
		if charge.reference in attempts
	)


def site_books(journey) -> list[tuple]:
	rows = [c for c in journey.captures() if c.gateway in journey.gateways()]
	return sorted(
		(c.gateway, c.gateway_payment_id, _minor(c, c.amount), c.currency, _refunded(c)) for c in rows
	)


def _refunded(capture) -> int:
	done = frappe.get_all("Payment Refund", {"capture": capture.name, "status": "Refunded"}, pluck="amount")
	return sum(_minor(capture, amount) for amount in done)


def _minor(capture, amount) -> int:
	exponent = adapter_class(capture.gateway).exponents.get(capture.currency)
	return to_minor(quantize(amount, capture.currency), capture.currency, exponent)


def service_that_is_wrong(journey) -> list[str]:
	"""Served exactly once if and only if money was taken; still served if and only if it was kept."""
	books = simulator_books(journey)
	served = journey.events().count("subscription_served")
	found = []
	if served != bool(books):
		found.append(f"The gateways took {len(books)} payments and the customer was served {served} times.")
	kept = sum(amount - refunded for _gateway, _id, amount, _currency, refunded in books)
	status = journey.subscription_status()
	if (kept and status != "Active") or (not kept and status == "Active"):
		found.append(f"{kept} minor units were kept and the subscription is {status}.")
	return found


def broken_promises(journey) -> list[str]:
	"""What the invariants say about the records of this journey."""
	own = own_records(journey)
	return [f"{rule}: {name}" for rule in invariants.RULES for name in _rows(rule) if name in own]


def own_records(journey) -> set[str]:
	names = {journey.invoice, journey.subscription}
	for doctype in ("Payment Attempt", "Payment Capture", "Payment Refund"):
		names |= set(frappe.get_all(doctype, {"invoice": journey.invoice}, pluck="name"))
	return names | set(frappe.get_all("Payment Webhook Log", {"attempt": ("in", list(names))}, pluck="name"))


def _rows(rule: str) -> list[str]:
	return frappe.db.sql(invariants.RULES[rule], invariants._times(), pluck=True)


def broken_trail(journey) -> list[str]:
	broken = audit.verify(journey.invoice)["broken"]
	return [f"The audit trail is broken: {broken}"] if broken else []


def count_of(journey) -> Counter:
	"""How many events of each kind the invoice's audit trail has."""
	return Counter(journey.events())
