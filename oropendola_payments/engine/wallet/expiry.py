"""Expire credits whose last day is over. Until the sweep comes they cannot be used either."""

from datetime import date

import frappe
from frappe.query_builder.functions import Max
from frappe.utils import getdate

from oropendola_payments.ai_billing.doctype.ai_credit_grant.ai_credit_grant import AICreditGrant
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core.batch import for_each
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.engine.wallet import entries
from oropendola_payments.engine.wallet.entries import Line, Why
from oropendola_payments.engine.wallet.grants import GRANT


def expire_due() -> int:
	"""Expire what is due and return the number of grants."""
	days = last_days(date.min, today())
	return sum(for_each(GRANT, left_on(day), lambda name: in_transaction(_expire, name)) for day in days)


def last_days(first: date, end: date) -> list[date]:
	"""Return the days, from the first one to the one before the end, on which credits that are not used up end.

	The index has the most credits of a day beside the day, so that neither used up grants nor those of later days are read.
	"""
	grant = frappe.qb.DocType(GRANT)
	query = frappe.qb.from_(grant).select(grant.valid_until).groupby(grant.valid_until)
	query = query.where((grant.valid_until >= first) & (grant.valid_until < end))
	found = query.having(Max(grant.remaining) >= 1).orderby(grant.valid_until).run(pluck=True)
	return [getdate(day) for day in found]


def left_on(day: date) -> dict:
	"""Return the filters of the grants that end on this day and are not used up."""
	return {"valid_until": day, "remaining": (">=", 1)}


def _expire(name: str) -> bool:
	grant: AICreditGrant = lock(GRANT, name)
	if not grant.remaining or not grant.valid_until or getdate(grant.valid_until) >= today():
		return False
	entries.add(Why(grant.user, "Expired"), [Line(grant.name, -grant.remaining)])
	grant.write(remaining=0)
	return True
