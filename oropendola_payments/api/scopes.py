"""Who may pay without a page: users with the role, or bearer tokens with the scope of the same meaning."""

import frappe
from frappe import _
from frappe.utils import now_datetime

from oropendola_payments.api import require_login
from oropendola_payments.exceptions import NotAllowed
from oropendola_payments.roles import TRANSACT

SCOPE = "transact"


def require_transact() -> str:
	"""The user who asks, when the log-in at hand may pay."""
	user = require_login()
	token = _bearer_token()
	allowed = _token_has_scope(token, user) if token else TRANSACT in frappe.get_roles(user)
	if not allowed:
		message = _(
			"This needs the role {0}, or an OAuth token with the scope {1}. An administrator can grant it."
		)
		raise NotAllowed(message.format(TRANSACT, SCOPE))
	return user


def _bearer_token() -> str | None:
	request = getattr(frappe.local, "request", None)
	kind, _space, token = (
		(request.headers.get("Authorization") or "").partition(" ") if request else ("", "", "")
	)
	return token.strip() if kind.lower() == "bearer" else None


def _token_has_scope(token: str, user: str) -> bool:
	"""Only the user's own token counts, while it lives: a log-in of another kind may come with any header."""
	wanted = {
		"access_token": token,
		"status": "Active",
		"user": user,
		"expiration_time": (">", now_datetime()),
	}
	scopes = frappe.db.get_value("OAuth Bearer Token", wanted, "scopes") or ""
	return SCOPE in scopes.replace(",", " ").replace(";", " ").split()
