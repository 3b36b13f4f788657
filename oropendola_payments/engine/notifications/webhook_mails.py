"""Emails about webhook endpoints. They are sent after the commit, by a worker."""

from urllib.parse import urlsplit

import frappe

from oropendola_payments.ai_billing import formatting
from oropendola_payments.ai_billing.doctype.ai_webhook_endpoint.ai_webhook_endpoint import AIWebhookEndpoint
from oropendola_payments.engine.core.transactions import safely
from oropendola_payments.engine.notifications import emails


def send(key: str, endpoint: str) -> None:
	if frappe.db.exists("AI Webhook Endpoint", endpoint):
		doc = frappe.get_doc("AI Webhook Endpoint", endpoint)
		safely(lambda: emails.about_endpoint(key, doc, lambda: _about(doc)))


def _about(doc: AIWebhookEndpoint) -> dict:
	"""Return the texts. Of the address only the host, because its path may be a secret."""
	return {
		"host": urlsplit(doc.url).hostname or "",
		"error": doc.last_error or "",
		"since": formatting.moment_and_zone(doc.failing_since),
		"left": doc.made_by if doc.disabled_reason == "Manager Left" else "",
		"is_gone": doc.disabled_reason == "Gone",
	}
