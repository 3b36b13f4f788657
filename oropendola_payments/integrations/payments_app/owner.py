"""The owner of invoices for documents of other apps: a disabled user, so that no customer sees them and no email is sent."""

from collections.abc import Iterator
from contextlib import contextmanager

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
		with _not_throttled():
			user.insert(ignore_permissions=True)
	return OWNER


@contextmanager
def _not_throttled() -> Iterator[None]:
	"""Frappe refuses new users after many have signed up within an hour. This one is no sign-up, and imports are free of it."""
	before, frappe.flags.in_import = frappe.flags.in_import, True
	try:
		yield
	finally:
		frappe.flags.in_import = before
