"""The roles of this app and their permission checks."""

import frappe

MANAGER = "Payments Manager"
AUDITOR = "Payments Auditor"
TRANSACT = "Payments Transact"  # may pay through the API without a page

DESK_ROLES = (MANAGER, AUDITOR)
STAFF = frozenset({MANAGER, AUDITOR, "System Manager"})


def is_manager() -> bool:
	"""Return whether the user may record payments, refund, replay messages and finish reviews."""
	return frappe.session.user == "Administrator" or MANAGER in frappe.get_roles()


def is_staff(user: str | None = None) -> bool:
	"""Return whether the user may see the records of all customers. Others see only their own."""
	return bool(STAFF & set(frappe.get_roles(user)))
