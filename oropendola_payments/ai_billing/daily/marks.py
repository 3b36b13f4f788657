"""Note that the figures of a past day changed, in the transaction that changes them.

The mark is a row of its own and not a change of the day's row, so that payments do not wait for each other or for the job.
"""

from collections.abc import Iterable
from datetime import date, datetime

import frappe
from frappe.utils import getdate, now

from oropendola_payments.ai_billing.daily.types import CHANGED, TABLE
from oropendola_payments.ai_billing.periods import today


def figures_changed(moments: Iterable[datetime | date | str | None]) -> None:
	"""Let those days of these moments that are over be counted again. Of today nothing is stored yet, so it needs no mark."""
	this_day = today()
	days = sorted({day for moment in moments if moment and (day := getdate(moment)) < this_day})
	if not days:
		return
	at, user = now(), frappe.session.user
	stamps = (at, at, user, user)
	table = frappe.qb.DocType(TABLE)
	query = frappe.qb.into(table).columns(
		"name", "day", "kind", "creation", "modified", "owner", "modified_by"
	)
	for day in days:
		query = query.insert(frappe.generate_hash(length=20), day, CHANGED, *stamps)
	query.run()
