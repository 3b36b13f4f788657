"""Overdrafts: what was used although the credits were not enough. The next credits pay it.

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


def pay(grant: AICreditGrant) -> None:
	"""Pay with a new grant what is unpaid of earlier ones."""
	rest = int(grant.remaining)
	for row in frappe.db.sql(UNPAID, grant.user, as_dict=True):
		part = min(rest, int(row.overdrawn))
		frappe.db.sql(NOTE, (-part, row.name))
		rest -= part
	paid = int(grant.remaining) - rest
	if paid:
		reason = _("Used before, when there were not enough credits.")
		entries.add(Why(grant.user, "Used", note=reason), [Line(grant.name, -paid)])
		grant.write(remaining=rest)
