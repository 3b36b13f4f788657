"""Remind customers of credits that expire soon, once for each day set in Payment Settings, in one email for all that is due."""

from datetime import date, timedelta
from functools import partial

import frappe
from frappe.utils import cint, get_url, getdate

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_credit_grant.ai_credit_grant import AICreditGrant
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.batch import for_each
from oropendola_payments.engine.core.transactions import in_transaction, read
from oropendola_payments.engine.dunning import opt_out
from oropendola_payments.engine.gateway import live_guard
from oropendola_payments.engine.wallet import expiry

GRANT = "AI Credit Grant"
MAIL = "oropendola_payments.engine.notifications.credit_mails.credits_expiring"


def remind_all() -> int:
	"""Remind everybody whose credits expire within the days of Payment Settings. Return how many grants were looked at.

	A copy of the site reminds nobody.
	"""
	settings = payment_settings()
	offsets = settings.credit_reminder_offsets()
	if not offsets or not cint(settings.send_credit_mails) or live_guard.is_copy():
		return 0
	days = expiry.last_days(today(), today() + timedelta(days=offsets[0] + 1))
	return sum(for_each(GRANT, expiry.left_on(day), partial(_remind_owner, offsets)) for day in days)


def _remind_owner(offsets: list[int], grant: str) -> None:
	remind(frappe.db.get_value(GRANT, grant, "user"), offsets)


def remind(user: str, offsets: list[int]) -> None:
	"""Queue one email for what is due of a customer, after the marks are committed, so that none is sent twice."""
	grants = [] if opt_out.has_opted_out(user, "Email") else in_transaction(_mark, user, offsets)
	if grants:
		invoice = next((grant.invoice for grant in grants if grant.invoice), None)
		stop_link = opt_out.address(invoice, "Email") if invoice else get_url("/billing")
		names = [grant.name for grant in grants]
		after_commit.enqueue(MAIL, queue=after_commit.MAILS, user=user, grants=names, stop_link=stop_link)


def _mark(user: str, offsets: list[int]) -> list[AICreditGrant]:
	"""Return the grants of which to remind now, the first to expire first, marked as done."""
	grants = read(
		GRANT, "`user` = %s AND `remaining` > 0 AND `valid_until` >= %s FOR UPDATE", (user, today())
	)
	due = [(grant, offset) for grant in grants if (offset := _due(grant, offsets))]
	for grant, offset in due:
		grant.write(reminded_days=offset)
	return sorted(
		(grant for grant, _offset in due), key=lambda grant: (getdate(grant.valid_until), grant.name)
	)


def _due(grant: AICreditGrant, offsets: list[int]) -> int | None:
	"""Return the reminder that is due: the latest whose day has come and that was not sent, also if the site was down on that day.

	None for a day on which the credits were not there yet: who just bought them knows how long they are valid.
	"""
	last = getdate(grant.valid_until)
	come = [
		days for days in offsets if last - timedelta(days=days) <= today() and _was_there(grant, last, days)
	]
	if not come or (cint(grant.reminded_days) and cint(grant.reminded_days) <= come[-1]):
		return None
	return come[-1]


def _was_there(grant: AICreditGrant, last: date, days: int) -> bool:
	return getdate(grant.creation) < last - timedelta(days=days)
