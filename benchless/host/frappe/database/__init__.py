# ruff: noqa: F401  (these names are here for others)

from frappe.database.database import savepoint


def get_db(host=None, user=None, password=None, port=None, cur_db_name=None, socket=None):
	from frappe.database.database import Database

	return Database(cur_db_name=cur_db_name)
