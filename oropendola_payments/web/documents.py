"""The tax documents of invoices, for the billing page."""

import frappe
from frappe import _

from oropendola_payments.ai_billing import document_states


def documents_of(invoices: list[str]) -> dict[str, list[dict]]:
	"""Return the documents of some invoices in the order in which they were issued, with one statement."""
	fields = ["name", "kind", "invoice"]
	filters = {"invoice": ("in", invoices)}
	rows = frappe.get_all("AI Tax Document", filters, fields, order_by="creation, name") if invoices else []
	found: dict[str, list[dict]] = {}
	for row in rows:
		word = _("Tax invoice") if row.kind == "Invoice" else _("Credit note")
		found.setdefault(row.invoice, []).append({"number": row.name, "word": word})
	return found


def shown(state: str | None, issued: list[dict]) -> dict:
	return {"issued": issued, "waits": state in document_states.WAITING}
