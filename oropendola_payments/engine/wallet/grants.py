"""Grants: credits that come into a wallet, by a paid invoice or from a manager."""

from datetime import date, timedelta

from frappe.utils import cint

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.credit_units import THOUSANDTHS
from oropendola_payments.ai_billing.doctype.ai_credit_grant.ai_credit_grant import AICreditGrant
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.wallet import entries, overdrafts

GRANT = "AI Credit Grant"
NOTHING_OWED = {"owed": 0, "overdrawn": 0}


def grant_bought(invoice: AIInvoice) -> AICreditGrant:
	"""Grant the credits of a paid invoice. DuplicateEntryError if they were granted before. The caller holds its lock."""
	units = cint(invoice.credit_units) * THOUSANDTHS
	grant = add(
		invoice.user,
		"Bought",
		units,
		cint(invoice.credit_days),
		pack=invoice.credit_pack,
		invoice=invoice.name,
		plans=invoice.credit_plans or None,
	)
	invoice.record("credits_granted", grant, credits=invoice.credit_units, valid_until=grant.valid_until)
	return grant


def add(user: str, kind: str, units: int, days: int, **values: str | None) -> AICreditGrant:
	"""Insert a grant of `units` thousandths, valid for `days` (0: for ever), with its first line. It pays what was used before without credits."""
	grant: AICreditGrant = records.new(GRANT)
	grant.update({"user": user, "kind": kind, "granted": units, "remaining": units, **NOTHING_OWED, **values})
	grant.valid_until = last_day(days)
	grant.add()
	why = entries.Why(user, "Granted", reference=values.get("invoice"), note=values.get("note"))
	entries.add(why, [entries.Line(grant.name, units)])
	overdrafts.pay(grant)
	return grant


def last_day(days: int) -> date | None:
	"""Return the last day on which credits granted today can be used, or None if they do not expire."""
	return today() + timedelta(days=days) if days else None
