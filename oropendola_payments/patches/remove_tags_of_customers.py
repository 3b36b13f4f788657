"""Text that customers and their servers sent, and that the Desk showed as HTML, begins no tag any more."""

import frappe
from pypika.functions import Replace

COLUMNS = {
	"AI API Key": ("key_name",),
	"AI Agent Proposal": ("reason", "summary"),
	"AI Billing Profile": (
		"legal_name",
		"po_reference",
		"address_line1",
		"address_line2",
		"city",
		"pincode",
		"state",
	),
	"AI Payment Link": ("note",),
	"AI Subscription": ("cancel_note",),
	"AI Tax Document": ("buyer_name",),
	"AI Usage Day": ("model",),
	"AI Usage Entry": ("event_id", "model"),
	"AI Usage Lease": ("holder", "model"),
	"AI Webhook Attempt": ("error", "response"),
	"AI Webhook Delivery": ("last_error",),
	"AI Webhook Endpoint": ("description", "last_error"),
}


def execute() -> None:
	for doctype, columns in COLUMNS.items():
		for column in columns:
			table = frappe.qb.DocType(doctype)
			field = table[column]
			frappe.qb.update(table).set(field, Replace(field, "<", "＜")).where(field.like("%<%")).run()
