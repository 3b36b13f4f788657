"""The events of a document and who may cause them."""

from functools import wraps

import frappe
from frappe import _
from frappe.utils import cint


class Events:
	def run_method(self, method, *args, **kwargs):
		"""Run the document's own method, then the handlers that apps have hooked to it."""
		result = None
		own = getattr(self, method, None)
		if callable(own):
			result = own(*args, **kwargs)
		for handler in _handlers(self.doctype, method):
			result = _merged(result, frappe.get_attr(handler)(self, method, *args, **kwargs))
		return result

	run_trigger = run_method

	@staticmethod
	def hook(f):
		@wraps(f)
		def composer(self, *args, **kwargs):
			result = f(self, *args, **kwargs)
			for handler in _handlers(self.doctype, f.__name__):
				result = _merged(result, frappe.get_attr(handler)(self, f.__name__, *args, **kwargs))
			return result

		return composer

	def run_before_save_methods(self):
		self.run_method("before_validate")
		if self.flags.ignore_validate:
			return
		self.run_method("validate")
		self.run_method("before_save")

	def run_post_save_methods(self):
		self.run_method("on_update")
		self.clear_cache()
		if self.flags.get("notify_update", True):
			self.notify_update()
		self.save_version()
		self.run_method("on_change")
		if (self.doctype, self.name) in frappe.flags.currently_saving:
			frappe.flags.currently_saving.remove((self.doctype, self.name))

	def save_version(self):
		"""Remember what changed, when the DocType tracks changes."""
		before = self.get_doc_before_save()
		if not self.meta.track_changes or not before or self.flags.ignore_version or frappe.flags.in_install:
			return
		changed = [
			[df.fieldname, str(before.get(df.fieldname)), str(self.get(df.fieldname))]
			for df in self.meta.fields
			if df.fieldtype not in ("Table", "Table MultiSelect")
			and before.get(df.fieldname) != self.get(df.fieldname)
		]
		if changed:
			version = frappe.new_doc("Version", ref_doctype=self.doctype, docname=self.name)
			version.data = frappe.as_json({"changed": changed, "added": [], "removed": [], "row_changed": []})
			version.insert(ignore_permissions=True)

	def clear_cache(self):
		frappe.clear_document_cache(self.doctype, self.name)

	def notify_update(self):
		if frappe.flags.in_patch:
			return
		data = {"modified": self.modified, "doctype": self.doctype, "name": self.name}
		frappe.publish_realtime(
			"doc_update", data, doctype=self.doctype, docname=self.name, after_commit=True
		)

	def set_onload(self, key, value):
		if not self.get("__onload"):
			self.set("__onload", frappe._dict())
		self.get("__onload")[key] = value

	def get_onload(self, key=None):
		onload = self.get("__onload", frappe._dict())
		return onload.get(key) if key else onload

	def check_permission(self, permtype="read", permlevel=None):
		if not self.has_permission(permtype):
			self.raise_no_permission_to(permtype)

	def has_permission(self, permtype="read", *, debug=False, user=None) -> bool:
		from frappe import permissions

		if self.flags.ignore_permissions:
			return True
		return permissions.has_permission(self.doctype, permtype, self, debug=debug, user=user)

	def raise_no_permission_to(self, perm_type):
		message = _("You need the '{0}' permission on {1} {2} to perform this action.")
		frappe.flags.error_message = message.format(
			_(perm_type), frappe.bold(_(self.doctype)), self.name or ""
		)
		raise frappe.PermissionError

	def get_permissions(self):
		return frappe.get_meta(self.parenttype).permissions if self.meta.istable else self.meta.permissions

	def get_permlevel_access(self, permission_type="write") -> list[int]:
		roles = frappe.get_roles()
		rows = [row for row in self.get_permissions() if row.role in roles and row.get(permission_type)]
		return list({row.permlevel for row in rows})

	def has_permlevel_access_to(self, fieldname, df=None, permission_type="read") -> bool:
		df = df or self.meta.get_field(fieldname)
		return cint(df.permlevel) in self.get_permlevel_access(permission_type)

	def apply_fieldlevel_read_permissions(self):
		"""Take out the values that the user may not read."""
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
		rows = (self,) if self.is_new() else (self, *self.get_all_children())
		for row in rows:
			fields = row.meta.get_high_permlevel_fields()
			if fields:
				row.reset_values_if_no_permlevel_access(self.get_permlevel_access(), fields)

	def is_whitelisted(self, method_name):
		method = getattr(self, method_name, None)
		if not method:
			from werkzeug.exceptions import NotFound

			raise NotFound(f"Method {method_name} not found")
		frappe.is_whitelisted(getattr(method, "__func__", method))

	def queue_action(self, action, **kwargs):
		raise NotImplementedError("benchless has no Document.queue_action; use frappe.enqueue, or a bench")


def _handlers(doctype: str, event: str) -> list[str]:
	hooks = frappe.get_doc_hooks()
	return hooks.get(doctype, {}).get(event, []) + hooks.get("*", {}).get(event, [])


def _merged(old, new):
	if new is None:
		return old
	return {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new
