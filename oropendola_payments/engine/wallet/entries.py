"""Lines of the wallet's ledger. Each is written in the transaction that changes the grant it is about."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

import frappe
from frappe.utils import now
from frappe.utils.password import get_encryption_key

from oropendola_payments.ai_billing.plain_text import without_tags

NAME_LENGTH = 20  # there may be many millions
HIDDEN_LENGTH = 40
ENTRY = "AI Credit Entry"
LINES = "SELECT units FROM `tabAI Credit Entry` WHERE credit_grant = %s AND kind IN %s FOR UPDATE"


@dataclass(frozen=True)
class Line:
	"""What changed in one grant; `units` are thousandths of a credit, below 0 if they were taken."""

	grant: str
	units: int


@dataclass(frozen=True)
class Why:
	"""What some lines have in common."""

	user: str
	kind: str
	subscription: str | None = None
	reference: str | None = None
	note: str | None = None


COLUMNS = (
	*("name", "owner", "modified_by", "creation", "modified", "docstatus", "idx"),
	*("credit_grant", "units", "user", "kind", "subscription", "reference", "note"),
)


def add(why: Why, lines: Iterable[Line]) -> None:
	"""Add the lines with one SQL statement."""
	at, by = now(), frappe.session.user
	common = (why.user, why.kind, why.subscription, why.reference, without_tags(why.note or "") or None)
	rows = [
		(frappe.generate_hash(length=NAME_LENGTH), by, by, at, at, 0, 0, line.grant, line.units, *common)
		for line in lines
	]
	frappe.db.bulk_insert(ENTRY, list(COLUMNS), rows)


def hidden(reference: str | None) -> str | None:
	"""Return what a line keeps of a lease or event. The customer sees it, and whoever knows the name itself can settle it."""
	if reference is None:
		return None
	key = hashlib.sha256(b"oropendola-wallet|" + get_encryption_key().encode()).digest()
	return hmac.new(key, reference.encode(), hashlib.sha256).hexdigest()[:HIDDEN_LENGTH]


def net(grant: str, kinds: tuple[str, ...]) -> int:
	"""Return the sum of a grant's lines of these kinds. Locking, because an earlier read may have started the snapshot too early."""
	return sum(int(units) for (units,) in frappe.db.sql(LINES, (grant, kinds)))
