"""Permission to pay without a page: by the role, or by an OAuth token with the scope."""

import frappe
from frappe import _
from frappe.utils import now_datetime

from oropendola_payments.api import require_login
from oropendola_payments.exceptions import NotAllowed
from oropendola_payments.roles import TRANSACT

SCOPE = "transact"


def require_transact() -> str:
	"""Return the user. Raises NotAllowed unless the token has the scope or, without a token, the user has the role."""
	user = require_login()
	if not may_transact(user):
		message = _(
			"This needs the role {0}, or an OAuth token with the scope {1}. An administrator can grant it."
		)
		raise NotAllowed(message.format(TRANSACT, SCOPE))
	return user


def may_transact(user: str) -> bool:
	"""Return whether this request of the user may pay: its token decides, or, without one, the role."""
	token = _bearer_token()
	return _token_has_scope(token, user) if token else TRANSACT in frappe.get_roles(user)


def _bearer_token() -> str | None:
	request = getattr(frappe.local, "request", None)
	kind, _space, token = (
		(request.headers.get("Authorization") or "").partition(" ") if request else ("", "", "")
	)
	return token.strip() if kind.lower() == "bearer" else None


def _token_has_scope(token: str, user: str) -> bool:
	"""Return whether this is an active token of this user with the scope. A session login can send any Authorization header."""
	filters = {
		"access_token": token,
		"status": "Active",
		"user": user,
		"expiration_time": (">", now_datetime()),
	}
	scopes = frappe.db.get_value("OAuth Bearer Token", filters, "scopes") or ""
	return SCOPE in scopes.replace(",", " ").replace(";", " ").split()
