"""Names that customers give their keys."""

from frappe import _

from oropendola_payments.ai_billing.doctype.ai_api_key.ai_api_key import AIAPIKey
from oropendola_payments.exceptions import BadRequest, Conflict

LONGEST = 60


class NameTaken(Conflict):
	error_code = "name_taken"


def clean(name: str) -> str:
	"""Return the name on one line, without space around it."""
	text = " ".join(name.split())
	if not text or len(text) > LONGEST or not text.isprintable():
		raise BadRequest(
			_("Please give the API key a name of 1 to {0} characters, such as Website.").format(LONGEST)
		)
	return text


def require_free(name: str, keys: list[AIAPIKey]) -> None:
	"""Raise NameTaken if another key has this name. A key that is being replaced has that of the next one."""
	if any((key.key_name or "").casefold() == name.casefold() for key in keys if key.status != "Retiring"):
		raise NameTaken(_("You have an API key called {0} already. Please choose another name.").format(name))
