"""The roles of this app and their permission checks."""

import frappe

MANAGER = "Payments Manager"
AUDITOR = "Payments Auditor"
TRANSACT = "Payments Transact"  # may pay through the API without a page

DESK_ROLES = (MANAGER, AUDITOR)
STAFF = frozenset({MANAGER, AUDITOR, "System Manager"})


def is_manager(user: str | None = None) -> bool:
	"""Return whether the user may record payments, refund, replay messages and finish reviews."""
	user = user or frappe.session.user
	return user == "Administrator" or MANAGER in frappe.get_roles(user)


def managers() -> list[str]:
	"""Return the users who are Payments Managers and can log in."""
	holders = frappe.get_all("Has Role", {"role": MANAGER, "parenttype": "User"}, pluck="parent")
	return frappe.get_all("User", {"name": ("in", holders), "enabled": 1}, pluck="name") if holders else []


def is_staff(user: str | None = None) -> bool:
	"""Return whether the user may see the records of all customers. Others see only their own."""
	return bool(STAFF & set(frappe.get_roles(user)))
