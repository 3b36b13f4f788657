"""Everything a frontend shows about a customer, in one call and few statements."""

import frappe
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN as OPEN_INVOICES
from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import LIVE
from oropendola_payments.engine.subscriptions import lookup

KEY_FIELDS = [
	"subscription", "key_name", "key_prefix", "status", "suspended", "revealed", "last_used_on", "valid_until",
]  # fmt: skip
INVOICE_FIELDS = [
	"name",
	"subscription",
	"purpose",
	"status",
	"total_amount",
	"outstanding_amount",
	"currency",
	"due_date",
]


def customer_state(user: str) -> dict:
	"""Return the subscriptions that are not cancelled, the main one first, each with its keys and open invoices."""
	rows = [row for row in lookup.subscriptions_of(user) if row.status in LIVE]
	keys, invoices = _keys(user), _open_invoices(user)
	return {
		"default_subscription": rows[0].name if rows else None,
		"subscriptions": [_subscription(row, keys, invoices) for row in rows],
		"other_open_invoices": [_invoice(invoice) for invoice in invoices if not invoice.subscription],
	}


def _subscription(row: frappe._dict, keys: list[frappe._dict], invoices: list[frappe._dict]) -> dict:
	return {
		**lookup.facts(row),
		"keys": [_key(key) for key in keys if key.subscription == row.name],
		"open_invoices": [_invoice(invoice) for invoice in invoices if invoice.subscription == row.name],
	}


def _keys(user: str) -> list[frappe._dict]:
	"""Return the keys that work, and those that will again."""
	rows = frappe.get_all("AI API Key", {"user": user}, KEY_FIELDS, order_by="creation")
	alive = [row for row in rows if row.status != "Revoked" or row.suspended]
	return [row for row in alive if not row.valid_until or get_datetime(row.valid_until) > now_datetime()]


def _key(row: frappe._dict) -> dict:
	"""Return what may be shown of a key. `waiting` means that `reveal_api_key` has it to show."""
	return {
		"name": row.key_name,
		"prefix": row.key_prefix,
		"status": "Asleep" if row.suspended else row.status,
		"waiting": not row.revealed,
		"last_used_on": row.last_used_on,
		"valid_until": row.valid_until,
	}


def _open_invoices(user: str) -> list[frappe._dict]:
	filters = {"user": user, "status": ("in", OPEN_INVOICES)}
	return frappe.get_all("AI Invoice", filters, INVOICE_FIELDS, order_by="creation")


def _invoice(row: frappe._dict) -> dict:
	facts = {field: row[field] for field in INVOICE_FIELDS if field not in ("name", "subscription")}
	return {"invoice_id": row.name, **facts}
