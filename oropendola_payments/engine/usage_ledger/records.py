"""What the ledger knows of one event: how it was opened, and how it was closed."""

from dataclasses import dataclass

import frappe
from frappe import _
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.ai_usage_entry.ai_usage_entry import (
	CLOSING,
	OPENING,
	name_of,
	name_of_lapse,
)
from oropendola_payments.engine.metering.costs import THOUSANDTHS
from oropendola_payments.exceptions import BadRequest

LONGEST_ID = 100
COLUMNS = (
	*("name", "subscription", "api_key", "plan", "event_id", "kind", "source", "day", "model"),
	*(
		"requests",
		"input_tokens",
		"output_tokens",
		"units",
		"overdraft",
		"expires_at",
		"windows",
		"holds_credits",
	),
)


@dataclass(frozen=True)
class Event:
	"""One call. What it used is the sum of its rows."""

	opening: frappe._dict
	closing: frappe._dict | None
	lapse: frappe._dict | None

	@property
	def state(self) -> str:
		"""used; or reserved, expired, settled, released."""
		if self.closing:
			return "settled" if self.closing.kind == "Settle" else "released"
		if self.opening.kind == "Use":
			return "used"
		return "reserved" if self.seconds_left() else "expired"

	def seconds_left(self) -> int:
		left = get_datetime(self.opening.expires_at) - now_datetime()
		return max(0, int(left.total_seconds()))

	def total(self, field: str) -> int:
		return sum(int(row[field]) for row in (self.opening, self.lapse, self.closing) if row)

	def figures(self) -> dict:
		"""Return what a repeated call is told about the first one."""
		waits = {"expires_in": self.seconds_left()} if self.state == "reserved" else {}
		return {
			"event_id": self.opening.event_id,
			"state": self.state,
			**waits,
			"units": shown_units(self.total("units")),
		}

	def summary(self) -> dict:
		"""Return all that is known of the event."""
		amounts = {field: self.total(field) for field in ("requests", "input_tokens", "output_tokens")}
		over = {"overdraft": True} if self.closing and self.closing.overdraft else {}
		return {
			**self.figures(),
			"model": self.opening.model,
			"day": self.opening.day,
			"paid_from": self.opening.source,
			**amounts,
			**over,
		}


def find(subscription: str, event_id: str) -> Event | None:
	opening, closing = (name_of(subscription, event_id, step) for step in (OPENING, CLOSING))
	lapse = name_of_lapse(subscription, event_id, opening)
	table = frappe.qb.DocType("AI Usage Entry")
	query = frappe.qb.from_(table).select(*(table[column] for column in COLUMNS))
	rows = {
		row.name: row for row in query.where(table.name.isin((opening, closing, lapse))).run(as_dict=True)
	}
	return Event(rows[opening], rows.get(closing), rows.get(lapse)) if opening in rows else None


def hold_no_more(opening: str) -> None:
	"""Note that somebody, or time, has decided on the credits of this reservation."""
	table = frappe.qb.DocType("AI Usage Entry")
	frappe.qb.update(table).set(table.holds_credits, 0).where(table.name == opening).run()


def require_event_id(event_id: str) -> None:
	if not 1 <= len(event_id) <= LONGEST_ID or not event_id.isprintable() or not event_id.strip():
		message = _("event_id must have 1 to {0} printable characters.")
		raise BadRequest(message.format(LONGEST_ID))


def shown_units(thousandths: int) -> float:
	return thousandths / THOUSANDTHS
