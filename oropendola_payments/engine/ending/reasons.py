"""Why customers cancel: a fixed list for reports, and a text of their own."""

import frappe
from frappe import _

from oropendola_payments.exceptions import BadRequest

LONGEST_NOTE = 500


def reasons() -> dict[str, str]:
	"""Return the reasons by their codes: `too_expensive`: "Too expensive"."""
	options = frappe.get_meta("AI Subscription").get_field("cancel_reason").options
	return {frappe.scrub(reason): reason for reason in options.split("\n") if reason}


def reason_of(code: str | None) -> str:
	"""Return the reason as it is stored; an empty text if none is given. An unknown code is refused."""
	known = reasons()
	if code and code not in known:
		message = _("There is no reason {0}. Please send one of: {1}.")
		raise BadRequest(message.format(code, ", ".join(known)))
	return known[code] if code else ""


def checked_note(note: str | None) -> str | None:
	if note and len(note) > LONGEST_NOTE:
		message = _("{0} is too long. The limit is {1} characters.")
		raise BadRequest(message.format("note", LONGEST_NOTE))
	return note
