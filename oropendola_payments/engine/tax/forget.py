"""What is left of a buyer when the user is deleted, renamed or merged."""

import json
from typing import Any

import frappe
from frappe.model.document import Document

from oropendola_payments.ai_billing.doctype.payment_event.payment_event import REDACTED
from oropendola_payments.engine.tax.parties import as_text

PERSONAL = (
	"legal_name", "billing_email", "po_reference", "tax_id", "tax_id_check_reference", "address_line1", "address_line2", "city",
	"pincode", "state",
)  # fmt: skip
PAID = ("Partly Paid", "Paid", "Partly Refunded", "Refunded", "Closed")


def forget(user: str) -> None:
	"""Redact the profile, and the buyer of invoices that no tax law wants kept. The caller commits."""
	for row in frappe.get_all("AI Billing Profile", {"user": user}, ["name", *PERSONAL]):
		values = {field: REDACTED for field in PERSONAL if row[field]}
		frappe.db.set_value(
			"AI Billing Profile", row.name, values or {"language": None}, update_modified=False
		)
	invoices = {"user": user, "buyer_snapshot": ("is", "set")}
	for row in frappe.get_all(
		"AI Invoice", invoices, ["name", "status", "tax_registration", "buyer_snapshot"]
	):
		kept = _kept(row) if row.tax_registration and row.status in PAID else None
		frappe.db.set_value("AI Invoice", row.name, "buyer_snapshot", kept, update_modified=False)


def _kept(invoice: frappe._dict) -> str:
	"""Return the buyer as tax law wants it: without the address of an email."""
	return as_text({**json.loads(invoice.buyer_snapshot), "email": ""})


def before_user_renamed(
	doc: Document, method: str | None = None, old: str = "", new: str = "", merge: bool = False, *args: Any
) -> None:
	"""For `doc_events`: of two users who become one, the profile of the one who stays counts."""
	if merge and frappe.db.exists("AI Billing Profile", {"user": new}):
		frappe.db.delete("AI Billing Profile", {"user": old})
