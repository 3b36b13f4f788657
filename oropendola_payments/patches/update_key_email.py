"""The email about a changed API key says more now. What an administrator wrote stays."""

import frappe

from oropendola_payments.engine.notifications import templates
from oropendola_payments.patches.update_unedited_email_templates import fingerprint

KEY = "api_key_changed"
# Of the text between release 0.1.0, which another patch replaces, and this one.
BEFORE = "982408c46e0d9ff67667faff60310cc45e6ff20aac1a84cc2be89e64a325a90e"


def execute() -> None:
	name = templates.TEXTS[KEY][0]
	fields = ["subject", "response_html", "use_html"]
	stored = frappe.db.get_value("Email Template", name, fields, as_dict=True)
	if stored and stored.use_html and fingerprint(stored.subject, stored.response_html) == BEFORE:
		subject, body = templates.ours(KEY)
		frappe.db.set_value("Email Template", name, {"subject": subject, "response_html": body})
		frappe.clear_document_cache("Email Template", name)
