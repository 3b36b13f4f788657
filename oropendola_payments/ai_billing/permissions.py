"""Permission hooks, named in hooks.py: customers see only their own records."""

import frappe
from frappe.model.document import Document

from oropendola_payments.ai_billing import webhook_types
from oropendola_payments.ai_billing.records import may_see, own_records_condition, own_rows_condition
from oropendola_payments.roles import is_staff


def has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool:
	return may_see(doc, user)


def has_webhook_event_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool:
	"""Return whether the user may see an event. Some are for staff alone, whoever they are about."""
	is_for_staff = doc.get("type") in webhook_types.STAFF_ONLY
	return may_see(doc, user) and (is_staff(user or frappe.session.user) or not is_for_staff)


OURS = "SELECT `name` FROM `tabDocType` WHERE `module` = 'AI Billing'"


def has_tag_link_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool:
	"""Return whether the user may see a tag of a record. Frappe shows all users all tags, with the titles of the records."""
	module = frappe.db.get_value("DocType", doc.get("document_type"), "module")
	return is_staff(user or frappe.session.user) or module != "AI Billing"


def tag_link_conditions(user: str | None = None) -> str:
	is_free = is_staff(user or frappe.session.user)
	return "" if is_free else f"`tabTag Link`.`document_type` NOT IN ({OURS})"


def subscription_conditions(user: str | None = None) -> str:
	return own_records_condition("AI Subscription", user)


def api_key_conditions(user: str | None = None) -> str:
	return own_records_condition("AI API Key", user)


def invoice_conditions(user: str | None = None) -> str:
	return own_records_condition("AI Invoice", user)


def attempt_conditions(user: str | None = None) -> str:
	return own_records_condition("Payment Attempt", user)


def profile_conditions(user: str | None = None) -> str:
	return own_records_condition("AI Billing Profile", user)


def payment_link_conditions(user: str | None = None) -> str:
	return own_records_condition("AI Payment Link", user)


def plan_change_conditions(user: str | None = None) -> str:
	return own_records_condition("AI Plan Change", user)


def credit_grant_conditions(user: str | None = None) -> str:
	return own_records_condition("AI Credit Grant", user)


def credit_entry_conditions(user: str | None = None) -> str:
	return own_records_condition("AI Credit Entry", user)


def document_conditions(user: str | None = None) -> str:
	return own_records_condition("AI Tax Document", user)


def webhook_endpoint_conditions(user: str | None = None) -> str:
	return own_records_condition("AI Webhook Endpoint", user)


def webhook_delivery_conditions(user: str | None = None) -> str:
	return own_records_condition("AI Webhook Delivery", user)


def webhook_event_conditions(user: str | None = None) -> str:
	own = own_records_condition("AI Webhook Event", user)
	types = ", ".join(frappe.db.escape(kind) for kind in webhook_types.STAFF_ONLY)
	return own and f"{own} AND `tabAI Webhook Event`.`type` NOT IN ({types})"


# Where the rows are in which customers could list them: Frappe asks for the rights on the DocType around them alone.
AROUND = {
	"AI Invoice Part": "AI Invoice",
	"AI Invoice Tax": "AI Invoice",
	"AI Plan Change Line": "AI Plan Change",
	"AI Subscription Pause": "AI Subscription",
	"AI Tax Document Line": "AI Tax Document",
	"AI Webhook Attempt": "AI Webhook Delivery",
}


def row_conditions(user: str | None = None, doctype: str = "") -> str:
	return own_rows_condition(doctype, AROUND[doctype], user)
