"""Let customers log in with programs that registered themselves.

Frappe 16 registers programs by itself, but then admits only users of the Desk to them, and gives them no scope that pays.
"""

import frappe
from frappe.model.document import Document

from oropendola_payments.ai_billing.current import payment_settings

EVERY_USER = "All"
SCOPES = ("all", "openid", "transact")


def before_insert(client: Document, method: str | None = None) -> None:
	"""Open a client that a program registered for itself to customers, if the site wants that. They still agree one by one."""
	settings = payment_settings()
	if not (settings.mcp_enabled and settings.mcp_self_registration) or frappe.session.user != "Guest":
		return
	client.append("allowed_roles", {"role": EVERY_USER})
	client.set("scopes", " ".join(dict.fromkeys([*(client.get("scopes") or "").split(), *SCOPES])))
