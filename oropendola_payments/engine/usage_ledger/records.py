"""What the ledger knows of one event: how it was opened, and how it was closed."""

from collections.abc import Iterable
from dataclasses import dataclass

import frappe
from frappe import _
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.ai_usage_entry.ai_usage_entry import (
	OPENING,
	closing_step,
	name_of,
	names_of_lapse,
)
from oropendola_payments.engine.metering.costs import THOUSANDTHS
from oropendola_payments.exceptions import BadRequest

LONGEST_ID = 100
BATCH = 4  # an event has more closing rows only if somebody settles it again and again
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
	closings: tuple[frappe._dict, ...]
	lapse: frappe._dict | None

	@property
	def closing(self) -> frappe._dict | None:
		"""The last row that closed it. A settle may follow a release, and a settle that said less."""
		return self.closings[-1] if self.closings else None

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
		return sum(int(row[field]) for row in (self.opening, self.lapse, *self.closings) if row)

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
		over = {"overdraft": True} if any(row.overdraft for row in self.closings) else {}
		return {
			**self.figures(),
			"model": self.opening.model,
			"day": self.opening.day,
			"paid_from": self.opening.source,
			**amounts,
			**over,
		}


def find(subscription: str, event_id: str) -> Event | None:
	opening = name_of(subscription, event_id, OPENING)
	lapses = names_of_lapse(subscription, event_id, opening)
	names = _closing_names(subscription, event_id, 0)
	rows = _rows((opening, *lapses, *names))
	if opening not in rows:
		return None
	while names[-1] in rows:
		more = _closing_names(subscription, event_id, len(names))
		names, rows = [*names, *more], {**rows, **_rows(more)}
	closings = tuple(rows[name] for name in names if name in rows)
	lapse = next((rows[name] for name in lapses if name in rows), None)
	return Event(rows[opening], closings, lapse)


def _closing_names(subscription: str, event_id: str, first: int) -> list[str]:
	return [name_of(subscription, event_id, closing_step(first + number)) for number in range(BATCH)]


def _rows(names: Iterable[str]) -> dict[str, frappe._dict]:
	table = frappe.qb.DocType("AI Usage Entry")
	query = frappe.qb.from_(table).select(*(table[column] for column in COLUMNS))
	return {row.name: row for row in query.where(table.name.isin(list(names))).run(as_dict=True)}


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
