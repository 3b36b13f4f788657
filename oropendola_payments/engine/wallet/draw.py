"""Take credits for usage, and give back what was not used. Callers at once never take more than there is.

Only credits for the plan of the call are taken. Those that expire first are taken first; of two that expire together, those for
certain plans before those for every plan, and a gift before what was paid for.
"""

from collections import Counter
from collections.abc import Iterable

import frappe
from frappe.utils import getdate, now

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.wallet import entries, overdrafts
from oropendola_payments.engine.wallet.entries import Line, Why, hidden

ORDER = "ORDER BY valid_until IS NULL, valid_until, COALESCE(plans, '') = '', kind DESC, creation, name FOR UPDATE"
USABLE = f"""
	SELECT name, remaining FROM `tabAI Credit Grant`
	WHERE `user` = %s AND remaining > 0 AND (valid_until IS NULL OR valid_until >= %s)
		AND (COALESCE(plans, '') = '' OR FIND_IN_SET(%s, plans) > 0)
	{ORDER}
"""  # noqa: S608
ALL = f"SELECT name, remaining, owed, overdrawn, valid_until FROM `tabAI Credit Grant` WHERE `user` = %s {ORDER}"  # noqa: S608
# Locking, because an earlier read may have started the snapshot of this transaction too early.
TAKEN = """
	SELECT credit_grant, units FROM `tabAI Credit Entry`
	WHERE reference = %s AND `user` = %s AND kind IN ('Used', 'Returned') FOR UPDATE
"""


def draw(
	user: str, plan: str, units: int, subscription: str | None = None, reference: str | None = None
) -> int | None:
	"""Take thousandths of a credit for a call under this plan, and return how many are left, or None if there are not enough; then nothing is taken.

	Three SQL statements, however many grants are touched.
	"""
	if units <= 0:
		raise ValueError("Only a positive number of units can be drawn.")
	grants = _usable(user, plan)
	left = sum(int(grant.remaining) for grant in grants) - units
	if left < 0:
		return None
	_take(grants, units, Why(user, "Used", subscription, hidden(reference)))
	return left


def draw_up_to(
	user: str, plan: str, units: int, subscription: str | None = None, reference: str | None = None
) -> int:
	"""Take as many thousandths as there are, at most `units`, for what was used already under this plan. Return how many they were.

	The next credits pay the rest.
	"""
	grants = _usable(user, plan)
	part = min(units, sum(int(grant.remaining) for grant in grants))
	if part > 0:
		_take(grants, part, Why(user, "Used", subscription, hidden(reference)))
	if part < units:
		overdrafts.note(user, units - part)
	return part


def _usable(user: str, plan: str) -> list[frappe._dict]:
	return frappe.db.sql(USABLE, (user, today(), plan), as_dict=True)


def _take(grants: list[frappe._dict], units: int, why: Why) -> None:
	lines = list(_lines(grants, units))
	_change(lines)
	entries.add(why, lines)


def _lines(grants: list[frappe._dict], units: int) -> Iterable[Line]:
	for grant in grants:
		part = min(units, int(grant.remaining))
		if part:
			yield Line(grant.name, -part)
		units -= part


def _change(lines: list[Line]) -> None:
	"""Change the remaining credits of locked grants with one SQL statement."""
	cases, names = "WHEN %s THEN %s " * len(lines), ", ".join(["%s"] * len(lines))
	moves = [value for line in lines for value in (line.grant, line.units)]
	statement = (
		f"UPDATE `tabAI Credit Grant` SET remaining = remaining + CASE name {cases} ELSE 0 END, modified = %s"  # noqa: S608
		f" WHERE name IN ({names})"
	)
	frappe.db.sql(statement, [*moves, now(), *(line.grant for line in lines)])


def give_back(user: str, reference: str, units: int) -> int:
	"""Give back up to `units` of what was drawn for this reference, to the grants it came from. Return how much it was.

	What was used last goes back first. A grant whose money went back meanwhile pays what it owes with it, and the rest pays what was used
	without credits.
	"""
	grants = frappe.db.sql(ALL, user, as_dict=True)
	taken = _taken(user, reference)
	lines, rest = [], units
	for grant in reversed(grants):
		part = min(rest, taken[grant.name])
		if part > 0:
			lines.append(Line(grant.name, part))
			rest -= part
	if lines:
		_change(lines)
		entries.add(Why(user, "Returned", reference=hidden(reference)), lines)
		owed = {grant.name: int(grant.owed or 0) for grant in grants}
		_pay_what_is_owed(user, lines, owed)
		if any(grant.overdrawn for grant in grants):
			_pay_overdraft(user, lines, owed, {grant.name for grant in grants if _is_over(grant)})
	return units - rest


def _taken(user: str, reference: str) -> Counter:
	"""Return what is taken for this reference and was not given back, by grant."""
	taken: Counter = Counter()
	for grant, units in frappe.db.sql(TAKEN, (hidden(reference), user)):
		taken[grant] -= int(units)
	return taken


def _pay_what_is_owed(user: str, lines: list[Line], owed: dict[str, int]) -> None:
	paid = [Line(line.grant, -min(line.units, owed[line.grant])) for line in lines if owed[line.grant]]
	if not paid:
		return
	_change(paid)
	for line in paid:
		statement = "UPDATE `tabAI Credit Grant` SET owed = owed + %s WHERE name = %s"
		frappe.db.sql(statement, (line.units, line.grant))
	entries.add(Why(user, "Refunded"), paid)


def _is_over(grant: frappe._dict) -> bool:
	return bool(grant.valid_until) and getdate(grant.valid_until) < today()


def _pay_overdraft(user: str, lines: list[Line], owed: dict[str, int], over: set[str]) -> None:
	"""Pay what was used without credits with what came back and can still be used."""
	paid = []
	for line in lines:
		usable = 0 if line.grant in over else line.units - min(line.units, owed[line.grant])
		part = overdrafts.settle(user, usable)
		if part:
			paid.append(Line(line.grant, -part))
	if paid:
		_change(paid)
		entries.add(Why(user, "Used", note=overdrafts.reason()), paid)
