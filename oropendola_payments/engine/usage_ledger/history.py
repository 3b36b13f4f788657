"""What a subscription used: per day, API key and model. Rows that are not summed up yet count too, so that figures are of now."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.engine.exports.files import as_csv
from oropendola_payments.engine.usage_ledger.records import shown_units
from oropendola_payments.exceptions import BadRequest

MOST_DAYS, USUAL_DAYS = 400, 30
MOST_ROWS, MOST_LINES = 1000, 100_000
AMOUNTS = ("requests", "input_tokens", "output_tokens", "units")
FIELDS = "day, api_key, model, source, requests, input_tokens, output_tokens, units"
# One statement is one snapshot: a row is in its sum or beside it, never both and never in neither.
USED = """
	SELECT {group}, SUM(u.requests) AS requests, SUM(u.input_tokens) AS input_tokens,
		SUM(u.output_tokens) AS output_tokens, SUM(u.units) AS units
	FROM (
		SELECT {fields} FROM `tabAI Usage Day`
		WHERE subscription = %(subscription)s AND day >= %(first)s AND day <= %(last)s
		UNION ALL
		SELECT {fields} FROM `tabAI Usage Entry`
		WHERE rolled_up = 0 AND subscription = %(subscription)s AND day >= %(first)s AND day <= %(last)s
	) u WHERE (%(api_key)s = '' OR u.api_key = %(api_key)s)
	GROUP BY {group} ORDER BY {order} LIMIT %(limit)s
"""
GROUPS = {
	"day": ("u.day", "u.day DESC"),
	"key": ("u.api_key", "SUM(u.requests) DESC, u.api_key"),
	"model": ("u.model", "SUM(u.units) DESC, u.model"),
	"day and model": ("u.day, u.model", "u.day DESC, u.model"),
	"all": ("u.day, u.api_key, u.model, u.source", "u.day, u.api_key, u.model, u.source"),
}
COLUMNS = ("Day", "API Key", "Model", "Paid From", "Requests", "Input Tokens", "Output Tokens", "Units")


@dataclass(frozen=True)
class Period:
	"""Days of one subscription, of all its keys or of one. Both ends are included."""

	subscription: str
	first: date
	last: date
	api_key: str = ""

	def used(self, by: str, limit: int = MOST_ROWS) -> list[frappe._dict]:
		"""Return the sums by a name of GROUPS, with one statement."""
		group, order = GROUPS[by]
		statement = USED.format(group=group, order=order, fields=FIELDS)
		values = {"subscription": self.subscription, "first": self.first, "last": self.last}
		rows = frappe.db.sql(statement, {**values, "api_key": self.api_key, "limit": limit}, as_dict=True)
		return [_shown(row) for row in rows]


def _shown(row: frappe._dict) -> frappe._dict:
	row.update({field: cint(row[field]) for field in AMOUNTS})
	row.units = shown_units(row.units)
	return row


def period(
	subscription: str, from_date: str | None = None, to_date: str | None = None, api_key: str = ""
) -> Period:
	"""Return the days that are asked for, or the last 30."""
	last = _day(to_date) if to_date else today()
	first = _day(from_date) if from_date else last - timedelta(days=USUAL_DAYS - 1)
	if not 0 <= (last - first).days < MOST_DAYS:
		raise BadRequest(_("Please choose a period of at most {0} days.").format(MOST_DAYS))
	return Period(subscription, first, last, api_key)


def _day(text: str) -> date:
	try:
		return date.fromisoformat(text)
	except ValueError:
		raise BadRequest(_("Please give from_date and to_date as YYYY-MM-DD.")) from None


def summary(asked: Period) -> dict:
	"""Return the days with their models, only the latest rows if there are too many, and the total of all."""
	used = asked.used("day and model", MOST_ROWS + 1)
	rows = used[:MOST_ROWS]
	is_complete = len(used) == len(rows)
	return {
		"from_date": str(asked.first),
		"to_date": str(asked.last),
		"days": [{**row, "day": str(row.day)} for row in rows],
		"total": total(rows if is_complete else asked.used("day", MOST_DAYS)),
		"is_complete": is_complete,
	}


def total(rows: Iterable[frappe._dict]) -> dict:
	rows = list(rows)
	return {field: sum(row[field] for row in rows) for field in AMOUNTS}


def as_file(asked: Period, most: int = MOST_LINES) -> tuple[str, str]:
	"""Return the name and the text of a CSV file with a line for each day, key, model and what paid.

	A file is complete or there is none: nobody would see that the last days are missing.
	"""
	rows = asked.used("all", most + 1)
	if len(rows) > most:
		message = _("The file would have more than {0} lines. Please choose a shorter period.")
		raise BadRequest(message.format(f"{most:,}"))
	names = key_names(asked.subscription)
	lines = [
		(
			str(row.day),
			names.get(row.api_key, row.api_key or ""),
			row.model or "",
			row.source or "",
			*(row[field] for field in AMOUNTS),
		)
		for row in rows
	]
	return f"usage-{asked.subscription}-{asked.first}-{asked.last}.csv", as_csv(COLUMNS, lines)


def key_names(subscription: str) -> dict[str, str]:
	"""Return how people recognise the keys of a subscription: by their name, or else by how they begin."""
	keys = frappe.get_all("AI API Key", {"subscription": subscription}, ["name", "key_name", "key_prefix"])
	return {key.name: key.key_name or key.key_prefix or key.name for key in keys}
