"""The owner of invoices for documents of other apps: a disabled user, so that no customer sees them and no email is sent."""

import frappe

OWNER = "other-apps@payments.invalid"


def ensure_owner() -> str:
	"""Return the user, created if it is missing."""
	if not frappe.db.exists("User", OWNER):
		user = frappe.new_doc("User")
		user.update(
			{
				"email": OWNER,
				"first_name": "Other Apps",
				"enabled": 0,
				"user_type": "Website User",
				"send_welcome_email": 0,
			}
		)
		user.insert(ignore_permissions=True)
	return OWNER
