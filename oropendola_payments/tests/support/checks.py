"""What must hold at the end of every flow: ledgers agree, who paid has service, the audit trail is intact."""

from collections import Counter

import frappe

from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.engine.monitoring import audit, invariants
from oropendola_payments.money import quantize, to_minor
from oropendola_payments.tests.support.simulated import simulator


def problems(journey) -> list[str]:
	return [
		*ledger_differences(journey),
		*wrong_service(journey),
		*violated_invariants(journey),
		*broken_audit_trail(journey),
	]


def ledger_differences(journey) -> list[str]:
	"""The ledgers of all gateways against ours, payment by payment, in minor units."""
	theirs, ours = simulator_ledger(journey), site_ledger(journey)
	return [f"The gateways have {theirs}, the site has {ours}."] if theirs != ours else []


def simulator_ledger(journey) -> list[tuple]:
	attempts = set(journey.attempts())
	return sorted(
		(gateway, charge.payment_id, charge.amount_minor, charge.currency, charge.refunded_minor)
		for gateway in journey.gateways()
		for charge in simulator().captures(gateway, attempts)
	)


def site_ledger(journey) -> list[tuple]:
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


def wrong_service(journey) -> list[str]:
	"""Service started once if and only if money was captured, and goes on if and only if it was not refunded."""
	books = simulator_ledger(journey)
	served = journey.events().count("subscription_served")
	found = []
	if served != bool(books):
		found.append(f"The gateways took {len(books)} payments and the service was started {served} times.")
	kept = sum(amount - refunded for _gateway, _id, amount, _currency, refunded in books)
	status = journey.subscription_status()
	if (kept and status != "Active") or (not kept and status == "Active"):
		found.append(f"{kept} minor units were kept and the subscription is {status}.")
	return found


def violated_invariants(journey) -> list[str]:
	"""Invariants that the records of this journey violate."""
	own, times = own_records(journey), invariants.values_of_rules()
	return [f"{rule}: {name}" for rule in invariants.RULES for name in rows_of(rule, times) if name in own]


def own_records(journey) -> set[str]:
	names = {journey.invoice, journey.subscription}
	for doctype in ("Payment Attempt", "Payment Capture", "Payment Refund"):
		names |= set(frappe.get_all(doctype, {"invoice": journey.invoice}, pluck="name"))
	return names | set(frappe.get_all("Payment Webhook Log", {"attempt": ("in", list(names))}, pluck="name"))


def rows_of(rule: str, times: dict | None = None) -> list[str]:
	return frappe.db.sql(invariants.RULES[rule], times or invariants.values_of_rules(), pluck=True)


def broken_audit_trail(journey) -> list[str]:
	broken = audit.verify(journey.invoice)["broken"]
	return [f"The audit trail is broken: {broken}"] if broken else []


def event_counts(journey) -> Counter:
	"""How many events of each kind the invoice's audit trail has."""
	return Counter(journey.events())
