import hashlib
from typing import TYPE_CHECKING, Any

import frappe
from frappe import _

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.records import FrozenRecord
from oropendola_payments.compat import add_index
from oropendola_payments.exceptions import NotAllowed

if TYPE_CHECKING:
	from datetime import date

PLAN = "Plan"
# An event is opened once (Use or Reserve) and closed (Settle or Release). A later settle that says more has a row of its own.
OPENING, CLOSING = "opening", "closing"
# In between it may lapse: nobody closed it in time, so that its credits went back.
LAPSED = "lapsed"


class AIUsageEntry(FrozenRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		api_key: DF.Link | None
		day: DF.Date | None
		event_id: DF.Data | None
		expires_at: DF.Datetime | None
		holds_credits: DF.Check
		input_tokens: DF.Int
		kind: DF.Literal["Use", "Reserve", "Settle", "Release", "Lease", "Lapse"]
		model: DF.Data | None
		output_tokens: DF.Int
		overdraft: DF.Check
		plan: DF.Link | None
		requests: DF.Int
		rolled_up: DF.Check
		source: DF.Literal["Plan", "Credits"]
		subscription: DF.Link
		windows: DF.SmallText | None
	# end: auto-generated types

	"""One row of the usage ledger. Sums of rows are what was used: what becomes known later is a row of its own."""

	def refuse(self) -> None:
		frappe.throw(_("The usage ledger cannot be written, changed or deleted manually."), NotAllowed)


def name_of(subscription: str, event_id: str, step: str) -> str:
	"""Return the name, which is the unique key. A hash, because a column of text ignores case and accents."""
	return hashlib.sha256(f"{subscription}\n{step}\n{event_id}".encode()).hexdigest()[:40]


def closing_step(number: int) -> str:
	"""Return the step of the first row that closes an event, or of a later one."""
	return f"{CLOSING}:{number}" if number else CLOSING


def names_of_lapse(subscription: str, event_id: str, opening: str) -> tuple[str, str]:
	"""Return the name, and the one that was used before, which had the stored event ID."""
	step = lapse_of(opening)
	return name_of(subscription, opening, step), name_of(subscription, event_id, step)


def lapse_of(opening: str) -> str:
	return f"{LAPSED}:{opening}"


def add_entry(
	key: frappe._dict,
	kind: str,
	event_id: str,
	step: str,
	day: "date | None" = None,
	named: str | None = None,
	**values: Any,
) -> AIUsageEntry:
	"""Insert a row with one statement. DuplicateEntryError if this step of the event was booked before.

	`key` is what `key_check` found; `key.source` says what paid, if it was not the plan. `named` is what makes the name instead of an
	event ID that was read from the ledger: it may have been redacted, or a tag in it was changed.
	"""
	row = records.new("AI Usage Entry")
	row.update({"requests": 0, "input_tokens": 0, "output_tokens": 0, "units": 0, "overdraft": 0, **values})
	row.update(
		{
			"name": name_of(key.subscription, named or event_id, step),
			"subscription": key.subscription,
			"api_key": key.name,
			"plan": key.plan,
			"event_id": event_id,
			"kind": kind,
			"source": key.source or PLAN,
			"day": day or today(),
			"rolled_up": 0,
		}
	)
	row.add()
	return row


def on_doctype_update() -> None:
	add_index("AI Usage Entry", ["rolled_up", "subscription"])
	add_index("AI Usage Entry", ["day", "subscription"])
	add_index("AI Usage Entry", ["holds_credits", "expires_at"])
