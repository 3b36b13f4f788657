"""The roles of this app, and what they let people do."""

import frappe

MANAGER = "Payments Manager"
AUDITOR = "Payments Auditor"
TRANSACT = "Payments Transact"  # may pay by API without a page

DESK_ROLES = (MANAGER, AUDITOR)
STAFF = frozenset({MANAGER, AUDITOR, "System Manager"})


def is_manager() -> bool:
	"""Whether the user may move money by hand, replay messages and decide reviews."""
	return frappe.session.user == "Administrator" or MANAGER in frappe.get_roles()


def is_staff(user: str | None = None) -> bool:
	"""Whether the user may see everybody's records. Everybody else sees only their own."""
	return bool(STAFF & set(frappe.get_roles(user)))
