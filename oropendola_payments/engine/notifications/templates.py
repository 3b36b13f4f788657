"""Email texts: Email Templates edited in the Desk, or our own text if one is missing or broken.

Templates are rendered in a sandbox with plain values only, so that somebody who edits one cannot read the database with it.
"""

from pathlib import Path
from typing import Any

import frappe
from jinja2.sandbox import ImmutableSandboxedEnvironment

FOLDER = Path(__file__).parents[2] / "templates" / "emails"
# key: name of the Email Template, subject. The key is the file's name too.
TEXTS = {
	"payment_received": ("AI Billing Payment Received", "Payment received: {{ invoice }}"),
	"credits_bought": ("AI Billing Credits Bought", "{{ credits }} credits were added: {{ invoice }}"),
	"credits_expiring": (
		"AI Billing Credits Expiring",
		"{{ credits }} credits expire soon, the first on {{ expires_on }}",
	),
	"part_received": ("AI Billing Part Received", "Part received: {{ invoice }}"),
	"part_due": ("AI Billing Part Due", "Your next part of {{ plan or invoice }} is due on {{ due_on }}"),
	"part_missed": ("AI Billing Part Missed", "A part of {{ plan or invoice }} was not paid"),
	"order_confirmed": ("AI Billing Order Confirmed", "Your order is confirmed: {{ invoice }}"),
	"payment_failed": ("AI Billing Payment Failed", "Your payment was not completed: {{ invoice }}"),
	"payment_abandoned": ("AI Billing Payment Abandoned", "Your invoice {{ invoice }} is still open"),
	"payment_reminder": (
		"AI Billing Payment Reminder",
		"{% if is_last %}Last reminder: {% else %}Reminder: {% endif %}invoice {{ invoice }} is not paid yet",
	),
	"renewal_due": (
		"AI Billing Renewal Due",
		"{% if is_trial %}Your trial of {{ plan }} ends on {{ end_date }}{% else %}Please renew {{ plan }}{% endif %}",
	),
	"subscription_ended": (
		"AI Billing Subscription Ended",
		"{% if is_trial %}Your trial of {{ plan }} has ended{% else %}{{ plan }} has ended{% endif %}",
	),
	"payment_link": ("AI Billing Payment Link", "Pay invoice {{ invoice }}"),
	"cancellation_scheduled": ("AI Billing Cancellation Scheduled", "{{ plan }} ends on {{ end_date }}"),
	"cancellation_undone": ("AI Billing Cancellation Undone", "{{ plan }} is not cancelled any more"),
	"subscription_cancelled": ("AI Billing Subscription Cancelled", "{{ plan }} is cancelled"),
	"contract_withdrawn": ("AI Billing Contract Withdrawn", "Your withdrawal from {{ plan }}"),
	"subscription_paused": ("AI Billing Subscription Paused", "{{ plan }} is paused until {{ resumes_on }}"),
	"subscription_resumed": ("AI Billing Subscription Resumed", "{{ plan }} is running again"),
	"usage_threshold": (
		"AI Billing Usage Threshold",
		"{{ plan }}: {% if is_used_up %}all{% else %}{{ percent }} % of the{% endif %} {{ what }} of this {{ window }} are used",
	),
	"plan_changed": ("AI Billing Plan Changed", "Your plan is now {{ plan }}"),
	"plan_change_scheduled": (
		"AI Billing Plan Change Scheduled",
		"Your plan changes to {{ plan }} on {{ changes_on }}",
	),
	"plan_change_lapsed": ("AI Billing Plan Change Lapsed", "Your plan was not changed to {{ plan }}"),
	"refund_sent": ("AI Billing Refund Sent", "Refund sent: {{ invoice }}"),
	"api_key_changed": (
		"AI Billing API Key Changed",
		"{% if change == 'created' %}New API key created{% elif change == 'revoked' %}API key revoked{% else %}Your API key was changed{% endif %}",
	),
	"document_ready": ("AI Billing Document Ready", "Your documents for {{ invoice }}: {{ documents }}"),
	"webhook_failing": (
		"AI Billing Webhook Failing",
		"Your webhook endpoint at {{ host }} has been failing for a day",
	),
	"webhook_disabled": ("AI Billing Webhook Disabled", "Your webhook endpoint at {{ host }} was disabled"),
	"alert": (
		"AI Billing Payment Alert",
		"Payment alert{% if is_worse %} (getting worse){% endif %}: {{ kind }}, {{ subject }}",
	),
}
HTML = ImmutableSandboxedEnvironment(autoescape=True)
PLAIN = ImmutableSandboxedEnvironment(autoescape=False)  # a subject is no HTML


def render(key: str, language: str | None, values: dict[str, Any]) -> tuple[str, str]:
	"""Return subject and HTML from the template in the customer's language, else the general template, else our own text."""
	name = TEXTS[key][0]
	for template in (*([f"{name} ({language})"] if language else []), name):
		if frappe.db.exists("Email Template", template):
			try:
				return _fill(*_of_desk(template), values)
			except Exception:
				title = f"Email Template {template} is broken; the app's own text was sent"
				frappe.log_error(title=title[:140], message=frappe.get_traceback())
	return _fill(*ours(key), values)


def language_of(key: str, language: str | None) -> str:
	"""Return the language of the text that `render` will use, so that dates and amounts are formatted in the same language."""
	name = TEXTS[key][0]
	if language and frappe.db.exists("Email Template", f"{name} ({language})"):
		return language
	is_edited = frappe.db.exists("Email Template", name) and _of_desk(name) != ours(key)
	return (frappe.get_system_settings("language") or "en") if is_edited else "en"


def ours(key: str) -> tuple[str, str]:
	"""Return the subject and body that come with the app."""
	return TEXTS[key][1], (FOLDER / f"{key}.html").read_text(encoding="utf-8")


def ensure_records() -> None:
	"""Create an Email Template for each email. An existing one is never overwritten."""
	for key, (name, _subject) in TEXTS.items():
		if not frappe.db.exists("Email Template", name):
			subject, body = ours(key)
			doc = frappe.new_doc("Email Template")
			doc.update({"name": name, "subject": subject, "use_html": 1, "response_html": body})
			doc.insert(ignore_permissions=True)


def remove_untouched_records() -> None:
	"""Delete the unchanged templates on uninstallation. Edited ones stay."""
	for key, (name, _subject) in TEXTS.items():
		if frappe.db.exists("Email Template", name) and _of_desk(name) == ours(key):
			frappe.delete_doc("Email Template", name, ignore_permissions=True, force=True)


def _of_desk(name: str) -> tuple[str, str]:
	doc = frappe.get_cached_doc("Email Template", name)
	return doc.subject or "", (doc.response_html if doc.use_html else doc.response) or ""


def _fill(subject: str, body: str, values: dict[str, Any]) -> tuple[str, str]:
	line = " ".join(PLAIN.from_string(subject).render(values).split())
	return line, HTML.from_string(body).render(values).strip()
