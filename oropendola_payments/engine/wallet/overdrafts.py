"""Overdrafts: what was used although the credits were not enough. The next credits pay it, whatever plans they are for: bought, given,
added by a correction, or given back.

Not what a grant owes because its money went back: that follows the money, and this follows the usage.
"""

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.ai_credit_grant.ai_credit_grant import AICreditGrant
from oropendola_payments.engine.wallet import entries
from oropendola_payments.engine.wallet.entries import Line, Why

LATEST = (
	"SELECT name FROM `tabAI Credit Grant` WHERE `user` = %s ORDER BY creation DESC, name LIMIT 1 FOR UPDATE"
)
NOTE = "UPDATE `tabAI Credit Grant` SET overdrawn = overdrawn + %s WHERE name = %s"
UNPAID = """
	SELECT name, overdrawn FROM `tabAI Credit Grant` WHERE `user` = %s AND overdrawn > 0
	ORDER BY creation, name FOR UPDATE
"""


def note(user: str, units: int) -> None:
	"""Keep what was missing on the customer's latest grant. The caller holds the locks of the wallet."""
	for (grant,) in frappe.db.sql(LATEST, user):
		frappe.db.sql(NOTE, (units, grant))


def pay(grant: AICreditGrant, most: int | None = None) -> None:
	"""Pay what is unpaid with what remains of a grant, or with as much of it as came in just now."""
	paid = settle(grant.user, min(int(grant.remaining), grant.remaining if most is None else most))
	if paid:
		entries.add(Why(grant.user, "Used", note=reason()), [Line(grant.name, -paid)])
		grant.write(remaining=int(grant.remaining) - paid)


def lock_wallet(user: str) -> None:
	"""Lock all grants of a customer, in the order in which calls lock them, before one of them is changed and others may be too."""
	frappe.db.sql("SELECT name FROM `tabAI Credit Grant` WHERE `user` = %s FOR UPDATE", user)


def settle(user: str, most: int) -> int:
	"""Strike out up to so many thousandths of what is unpaid. Return how many; the caller takes them from a grant."""
	rest = most
	for row in frappe.db.sql(UNPAID, user, as_dict=True) if most > 0 else ():
		part = min(rest, int(row.overdrawn))
		frappe.db.sql(NOTE, (-part, row.name))
		rest -= part
	return most - rest


def unpaid(user: str) -> int:
	"""Return the thousandths of a credit that the customer used without having them."""
	return sum(frappe.get_all("AI Credit Grant", {"user": user, "overdrawn": (">", 0)}, pluck="overdrawn"))


def reason() -> str:
	return _("Used before, when there were not enough credits.")
