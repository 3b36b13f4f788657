"""Redact what Frappe's Version still says of users who were deleted before `engine/privacy.py` did that."""

import frappe

from oropendola_payments.engine import privacy

REDACTED = "[REDACTED]"
# A deletion leaves the mark in at least one of these, if the user had anything that could have a version.
MARKED = {
	"AI Billing Profile": (
		"legal_name",
		"billing_email",
		"address_line1",
		"city",
		"pincode",
		"state",
		"tax_id",
	),
	"AI Invoice": ("description", "review_reason"),
	"AI Subscription": ("cancel_note",),
	"AI API Key": ("key_prefix",),
}


def execute() -> None:
	users = {
		user
		for doctype, fields in MARKED.items()
		for field in fields
		for user in frappe.get_all(doctype, {field: REDACTED}, pluck="user")
	}
	for user in sorted(filter(None, users)):
		privacy.redact_versions(user)
