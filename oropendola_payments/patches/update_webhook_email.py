"""The email about a disabled webhook endpoint says more now. What an administrator wrote stays."""

import frappe

from oropendola_payments.engine.notifications import templates
from oropendola_payments.patches.update_unedited_email_templates import fingerprint

KEY = "webhook_disabled"
BEFORE = "b23ef5fa30b1b31d59c4a503f044ea4a9c2b8c329bddeb6bc7488acb0a2e112d"


def execute() -> None:
	name = templates.TEXTS[KEY][0]
	fields = ["subject", "response_html", "use_html"]
	stored = frappe.db.get_value("Email Template", name, fields, as_dict=True)
	if stored and stored.use_html and fingerprint(stored.subject, stored.response_html) == BEFORE:
		subject, body = templates.ours(KEY)
		frappe.db.set_value("Email Template", name, {"subject": subject, "response_html": body})
		frappe.clear_document_cache("Email Template", name)
