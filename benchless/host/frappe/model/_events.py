"""The events of a document and who may cause them."""

import frappe
from frappe import _


class Events:
	def run_method(self, method, *args, **kwargs):
		"""Run the document's own method, then the handlers that apps have hooked to it."""
		own = getattr(self, method, None)
		result = own(*args, **kwargs) if callable(own) else None
		hooks = frappe.get_doc_hooks()
		for events in (hooks.get(self.doctype, {}), hooks.get("*", {})):
			for handler in events.get(method, ()):
				result = _merged(result, frappe.get_attr(handler)(self, method, *args, **kwargs))
		return result

	def run_before_save_methods(self):
		self.run_method("before_validate")
		if not self.flags.ignore_validate:
			self.run_method("validate")
			self.run_method("before_save")

	def run_post_save_methods(self):
		self.run_method("on_update")
		self.clear_cache()
		self.run_method("on_change")
		if (self.doctype, self.name) in frappe.flags.currently_saving:
			frappe.flags.currently_saving.remove((self.doctype, self.name))

	def clear_cache(self):
		frappe.clear_document_cache(self.doctype, self.name)

	def set_onload(self, key, value):
		self.__dict__.setdefault("__onload", frappe._dict())[key] = value

	def get_onload(self, key=None):
		onload = self.__dict__.get("__onload") or frappe._dict()
		return onload.get(key) if key else onload

	def check_permission(self, permtype="read", permlevel=None):
		if not self.has_permission(permtype):
			self.raise_no_permission_to(permtype)

	def has_permission(self, permtype="read", *, user=None) -> bool:
		if self.flags.ignore_permissions:
			return True
		return frappe.permissions.has_permission(self.doctype, permtype, self, user=user)

	def raise_no_permission_to(self, perm_type):
		message = _("You need the '{0}' permission on {1} {2} to perform this action.")
		doctype = frappe.bold(_(self.doctype))
		frappe.flags.error_message = message.format(_(perm_type), doctype, self.name or "")
		raise frappe.PermissionError

	def get_permlevel_access(self, permission_type="write") -> list[int]:
		return self.meta.get_permlevel_access(permission_type, self.get("parenttype"))

	def apply_fieldlevel_read_permissions(self):
		"""Remove the values that the user may not read."""
		if frappe.session.user == "Administrator":
			return
		allowed = {0, *self.get_permlevel_access("read")}
		for row in (self, *self.get_all_children()):
			for field in row.meta.get_high_permlevel_fields():
				if field.permlevel not in allowed:
					row.delete_key(field.fieldname)

	def validate_higher_perm_levels(self):
		"""Put back the values that the user may not write."""
		if self.flags.ignore_permissions or frappe.flags.in_install or frappe.session.user == "Administrator":
			return
		for row in (self,) if self.is_new() else (self, *self.get_all_children()):
			if fields := row.meta.get_high_permlevel_fields():
				row.reset_values_if_no_permlevel_access(self.get_permlevel_access(), fields)

	def is_whitelisted(self, method_name):
		method = getattr(self, method_name, None)
		if not method:
			from werkzeug.exceptions import NotFound

			raise NotFound(f"Method {method_name} not found")
		frappe.is_whitelisted(getattr(method, "__func__", method))


def _merged(old, new):
	if new is None:
		return old
	return {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new
