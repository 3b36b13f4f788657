"""Values that hold for the site or for a user: table DefaultValue."""

import frappe

from ._absent import _absent


def get_defaults_for(parent="__default") -> dict:
	def read():
		query = "select defkey, defvalue from `tabDefaultValue` where parent = %s order by creation"
		return frappe._dict(frappe.db.sql(query, (parent,)))

	return frappe.cache.hget("defaults", parent, read)


def get_defaults(user=None) -> dict:
	user = user or (frappe.session.user if frappe.session else "Guest")
	return frappe._dict(get_defaults_for()).update(get_defaults_for(user)).update(user=user, owner=user)


def get_global_default(key):
	return get_defaults().get(key)


def set_global_default(key, value):
	set_default(key, value, "__default")


def get_user_default(key, user=None):
	return get_defaults(user).get(key)


def set_user_default(key, value, user=None, parenttype=None):
	set_default(key, value, user or frappe.session.user, parenttype)


def set_default(key, value, parent, parenttype="__default"):
	"""One value for the key; None takes it away."""
	frappe.db.delete("DefaultValue", {"defkey": key, "parent": parent})
	if value is not None:
		row = {
			"doctype": "DefaultValue",
			"parent": parent,
			"parenttype": parenttype or "__default",
			"defkey": key,
		}
		frappe.get_doc(row | {"parentfield": "system_defaults", "defvalue": value}).insert(
			ignore_permissions=True
		)
	_forget(parent)
	frappe.db.after_rollback.add(lambda: _forget(parent))


def _forget(parent):
	frappe.cache.hdel("defaults", parent)


__getattr__ = _absent("frappe.defaults")
