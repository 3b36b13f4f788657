"""What is in a wallet: the balance, the grants that can be used, and the lines of the ledger."""

from datetime import date
from typing import Any

import frappe
from frappe.utils import get_datetime, getdate

from oropendola_payments.ai_billing.credit_units import in_credits
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.top_up import plans_in
from oropendola_payments.engine.wallet import overdrafts

FIELDS = ["name", "kind", "pack", "invoice", "granted", "remaining", "valid_until", "plans"]
PAGE_LENGTH = 20
HIDDEN = ("Used", "Returned", "Corrected")  # their reference helps nobody but the engine


def usable_grants(user: str) -> list[frappe._dict]:
	"""Return the grants that can be used, in the order in which they are."""
	filters = {"user": user, "remaining": (">", 0)}
	rows = frappe.get_all("AI Credit Grant", filters, FIELDS, order_by="kind desc, creation, name")
	usable = [row for row in rows if not row.valid_until or getdate(row.valid_until) >= today()]
	return sorted(usable, key=lambda row: (not row.valid_until, str(row.valid_until), not row.plans))


def balance(user: str) -> int:
	"""Return the thousandths of a credit that can be used now, some perhaps under other plans only."""
	return sum(int(grant.remaining) for grant in usable_grants(user))


def balance_under(user: str, plan: str) -> int:
	"""Return the thousandths of a credit that can pay for calls under this plan."""
	return sum(int(grant.remaining) for grant in usable_grants(user) if is_for(grant, plan))


def is_for(grant: frappe._dict, plan: str) -> bool:
	"""Return whether the credits can pay for calls under this plan."""
	return not grant.plans or plan in plans_in(grant.plans)


def last_day_of(invoice: str) -> date | None:
	"""Return the last day of the credits that an invoice bought, or None if they do not expire."""
	return frappe.db.get_value("AI Credit Grant", {"invoice": invoice}, "valid_until")


def has_wallet(user: str) -> bool:
	"""Return whether the customer ever had credits."""
	return bool(frappe.db.exists("AI Credit Grant", {"user": user}))


def summary(user: str) -> dict:
	"""Return balance and grants, for an answer of the API."""
	grants = usable_grants(user)
	return {
		"balance": in_credits(sum(int(grant.remaining) for grant in grants)),
		"overdrawn": in_credits(overdrafts.unpaid(user)),
		"grants": [_grant(grant) for grant in grants],
	}


def _grant(row: frappe._dict) -> dict:
	return {
		"grant": row.name,
		"kind": row.kind,
		"pack_id": row.pack,
		"invoice_id": row.invoice,
		"granted": in_credits(int(row.granted)),
		"remaining": in_credits(int(row.remaining)),
		"valid_until": row.valid_until,
		"plans": plans_in(row.plans),
	}


def lines(user: str, page: int = 1, length: int = PAGE_LENGTH) -> tuple[list[frappe._dict], bool]:
	"""Return one page of the ledger, the newest line first, and whether there are older ones."""
	fields = ["name", "creation", "kind", "units", "credit_grant", "subscription", "reference", "note"]
	rows = frappe.get_all(
		"AI Credit Entry",
		{"user": user},
		fields,
		order_by="creation desc, name desc",
		limit_start=(page - 1) * length,
		limit_page_length=length + 1,
	)
	return rows[:length], len(rows) > length


def as_answer(row: frappe._dict) -> dict[str, Any]:
	return {
		"entry": row.name,
		"time": get_datetime(row.creation),
		"kind": row.kind,
		"credits": in_credits(int(row.units)),
		"grant": row.credit_grant,
		"subscription_id": row.subscription,
		"reference": None if row.kind in HIDDEN else row.reference,
		"reason": row.note,
	}
