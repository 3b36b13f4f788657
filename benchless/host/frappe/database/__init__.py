from frappe._absent import _absent
from frappe.database.database import savepoint  # noqa: F401


def get_db():
	from frappe.database.database import Database

	return Database()


_absent("frappe.database")
