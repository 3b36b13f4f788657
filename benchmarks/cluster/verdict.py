"""The books of the gateways against those of the site: nothing lost, nothing twice. Each line must be 0."""

from collections import Counter, defaultdict
from email import message_from_string, policy
from zoneinfo import ZoneInfo

import frappe

from benchmarks.cluster.load.shop import GATEWAYS
from oropendola_payments.engine.monitoring import audit, invariants
from oropendola_payments.simulator import Simulator
from oropendola_payments.tests.support import checks

RECEIPT = "Payment received"


class WholeSite:
	"""Everything on the site, for the checks that tests run over one journey."""

	def gateways(self) -> tuple[str, ...]:
		return GATEWAYS

	def attempts(self) -> list[str]:
		return frappe.get_all("Payment Attempt", pluck="name")

	def captures(self) -> list:
		fields = ["name", "gateway", "gateway_payment_id", "amount", "currency"]
		return frappe.get_all("Payment Capture", {"gateway": ("in", GATEWAYS)}, fields)


def differences(stories, simulator: Simulator) -> dict[str, list]:
	"""What is wrong, by the sentence that should hold."""
	return {
		"payments that only one side has": _ledgers(),
		"sums that differ, by gateway and currency": _sums(),
		"payments at a gateway for no attempt of this site": _foreign(simulator),
		"paid invoices that were served not once": _served(),
		"subscriptions with more than one key": _keys(),
		"subscriptions whose days are not those that were paid": _days(),
		"receipts that were sent not once": _receipts(),
		"mails that were sent twice": _twice_mailed(),
		"customers whose usage was counted wrongly": _usage(stories),
		"messages that are not handled": _unhandled(),
		"violated invariants": [f"{rule}: {names}" for rule, names in invariants.check().items()],
		"broken audit chains": [broken] if (broken := audit.verify()["broken"]) else [],
	}


def _ledgers() -> list:
	theirs, ours = Counter(checks.simulator_ledger(WholeSite())), Counter(checks.site_ledger(WholeSite()))
	return sorted([*(theirs - ours).elements(), *(ours - theirs).elements()])


def sums(ledger: list[tuple]) -> dict[tuple, tuple]:
	"""Number, taken and refunded for each gateway and currency."""
	found: dict[tuple, tuple] = defaultdict(lambda: (0, 0, 0))
	for gateway, _payment, amount, currency, refunded in ledger:
		number, taken, back = found[gateway, currency]
		found[gateway, currency] = (number + 1, taken + amount, back + refunded)
	return dict(found)


def _sums() -> list:
	theirs, ours = sums(checks.simulator_ledger(WholeSite())), sums(checks.site_ledger(WholeSite()))
	return [
		(key, theirs.get(key), ours.get(key))
		for key in theirs.keys() | ours.keys()
		if theirs.get(key) != ours.get(key)
	]


def _foreign(simulator: Simulator) -> list:
	known = set(WholeSite().attempts())
	return [
		charge for code in GATEWAYS for charge in simulator.captures(code) if charge.reference not in known
	]


def _served() -> list:
	return frappe.db.sql("""
		SELECT i.name, i.purpose, COUNT(e.name) FROM `tabAI Invoice` i LEFT JOIN `tabPayment Event` e
			ON e.invoice = i.name AND e.event IN ('subscription_served', 'plan_changed')
		WHERE i.fulfilled_on IS NOT NULL GROUP BY i.name HAVING COUNT(e.name) <> 1""")


def _keys() -> list:
	return frappe.db.sql("SELECT subscription FROM `tabAI API Key` GROUP BY subscription HAVING COUNT(*) > 1")


def _days() -> list:
	"""Only where every paid month still counts: no change of plan, no refund, not cancelled."""
	return frappe.db.sql("""
		SELECT s.name, s.start_date, s.end_date, COUNT(*) FROM `tabAI Subscription` s
			JOIN `tabAI Invoice` i ON i.subscription = s.name AND i.fulfilled_on IS NOT NULL
		WHERE s.status = 'Active' AND NOT EXISTS (SELECT 1 FROM `tabAI Plan Change` c WHERE c.subscription = s.name)
			AND NOT EXISTS (SELECT 1 FROM `tabAI Invoice` r WHERE r.subscription = s.name AND r.amount_refunded > 0)
		GROUP BY s.name, s.start_date, s.end_date
		HAVING s.end_date <> DATE_ADD(s.start_date, INTERVAL COUNT(*) MONTH)""")


def _mails() -> list[tuple[str, str, str]]:
	"""Record, recipient and subject of every mail that was queued for a customer."""
	rows = frappe.db.sql("""
		SELECT q.reference_name, r.recipient, q.message FROM `tabEmail Queue` q
			JOIN `tabEmail Queue Recipient` r ON r.parent = q.name
		WHERE q.reference_doctype IN ('AI Invoice', 'AI Subscription')""")
	return [
		(record, to, message_from_string(text, policy=policy.default)["Subject"]) for record, to, text in rows
	]


def _receipts() -> list:
	"""Invoices whose receipt is missing, or that have two."""
	found = Counter(record for record, _to, subject in _mails() if subject.startswith(RECEIPT))
	paid = frappe.db.sql("""
		SELECT i.name FROM `tabAI Invoice` i WHERE i.fulfilled_on IS NOT NULL AND EXISTS (
			SELECT 1 FROM `tabPayment Capture` c WHERE c.invoice = i.name AND c.disposition IN ('Applied', 'Overpaid'))""")
	return [(name, found[name]) for (name,) in paid if found[name] != 1]


def _twice_mailed() -> list:
	return [row for row, number in Counter(_mails()).items() if number > 1]


def _usage(stories) -> list:
	wrong = []
	for user, (sure, possible) in stories.allowed.items():
		used = frappe.db.sql(
			"""SELECT COALESCE(SUM(e.requests), 0) FROM `tabAI Usage Entry` e
			JOIN `tabAI Subscription` s ON s.name = e.subscription WHERE s.user = %s AND e.kind = 'Use'""",
			(user,),
		)[0][0]
		if not sure <= used <= possible:
			wrong.append((user, sure, int(used), possible))
	return wrong


def _unhandled() -> list:
	return frappe.get_all(
		"Payment Webhook Log", {"status": ("in", ("Received", "Failed", "Dead"))}, pluck="name"
	)


def recorded_by() -> list[tuple[str, int]]:
	"""Which road recorded how many payments first."""
	return frappe.db.sql("""
		SELECT source, COUNT(*) FROM `tabPayment Event` WHERE event = 'attempt_paid' GROUP BY source ORDER BY 2 DESC""")


def serving_times(told: dict[str, tuple[float, float]]) -> list[tuple[float, float]]:
	"""When the first message about each payment was sent, and the seconds until its key worked; without those whose return was faster.

	A message that settles is answered after the commit, so the answer is the moment. Otherwise it is that of the record.
	"""
	found, zone = [], ZoneInfo(frappe.utils.get_system_timezone())
	for attempt, created in frappe.db.sql("SELECT attempt, creation FROM `tabPayment Capture`"):
		begin, answered = told.get(attempt, (0.0, 0.0))
		moment = created.replace(tzinfo=zone).timestamp()
		if begin and moment >= begin:
			found.append((begin, max(moment, answered) - begin))
	return found
