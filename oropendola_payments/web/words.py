"""Texts of the customer pages: amounts, dates and statuses in the customer's language."""

from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing import formatting
from oropendola_payments.ai_billing.formatting import (
	clock,
	day,
	days,
	moment,
	money,
	number,
	quota,
	tax_line,
	tax_text,
)

__all__ = ("clock", "day", "days", "moment", "money", "number", "quota", "tax_line", "tax_text")

# The label of a status for customers, and its colour.
INVOICE_STATES = {
	"Pending": ("To pay", "open"),
	"Processing": ("In progress", "wait"),
	"Partly Paid": ("Partly paid", "open"),
	"Paid": ("Paid", "good"),
	"Partly Refunded": ("Partly refunded", "plain"),
	"Refunded": ("Refunded", "plain"),
	"Failed": ("Not completed", "bad"),
	"Abandoned": ("Not completed", "bad"),
	"Cancelled": ("Cancelled", "plain"),
	"Closed": ("Closed", "plain"),
}
SUBSCRIPTION_STATES = {
	"Pending": ("Waiting for payment", "open"),
	"Trial": ("On trial", "wait"),
	"Active": ("Active", "good"),
	"Past Due": ("Payment overdue", "bad"),
	"Paused": ("Paused", "wait"),
	"Expired": ("Expired", "bad"),
	"Cancelled": ("Cancelled", "plain"),
}


def state(words: dict, status: str) -> dict:
	"""Return the label and colour of a status."""
	word, tone = words.get(status, (status, "plain"))
	return {"word": _(word), "tone": tone}


def translated(text: str | None) -> str:
	"""Translate a stored text; an empty string for None, because templates would print it."""
	return formatting.translated(text) or ""


def watched_state(status: str, attempt) -> str:
	"""Return the statuses of invoice and attempt in the format that `watch.js` builds from the API's answer."""
	transit = attempt and attempt.in_transit and "in_transit"
	parts = (status, attempt and attempt.status, attempt and attempt.error_code, transit)
	return " ".join(filter(None, parts))


def interval(unit: str, count: int) -> str:
	"""Return the interval of a price: "a month", "every 3 months"."""
	count = cint(count) or 1
	if count == 1:
		return {"Day": _("a day"), "Month": _("a month"), "Year": _("a year")}[unit]
	text = {"Day": _("every {0} days"), "Month": _("every {0} months"), "Year": _("every {0} years")}[unit]
	return text.format(number(count))


def tax_note(settings) -> str:
	"""Return the note whether the prices include tax."""
	if not settings.tax_rate:
		return ""
	label = settings.tax_label or _("tax")
	text = (
		_("Prices include {0}% {1}.") if settings.prices_include_tax else _("{0}% {1} is added at checkout.")
	)
	return text.format(number(settings.tax_rate), label)
