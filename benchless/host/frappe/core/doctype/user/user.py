import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils.password import update_password as _update_password


class User(Document):
	def autoname(self):
		"""The mail address names the user, except for the two that are always there."""
		if self.get("is_admin") or self.get("is_guest"):
			self.name = self.first_name
		else:
			self.email = self.email.strip().lower()
			self.name = self.email

	def validate(self):
		self.__new_password = self.new_password
		self.new_password = ""
		if self.name not in frappe.STANDARD_USERS:
			self.email = self.name
			self.ensure_unique_roles()
		self.set_full_name()
		self.set_system_user()
		if self.enabled == 0 and self.name in frappe.STANDARD_USERS:
			frappe.throw(_("User {0} cannot be disabled").format(self.name))

	def on_update(self):
		if self.__new_password:
			_update_password(
				self.name, self.__new_password, logout_all_sessions=bool(self.logout_all_sessions)
			)
		frappe.clear_cache(user=self.name)

	def on_trash(self):
		if self.name in frappe.STANDARD_USERS:
			frappe.throw(_("User {0} cannot be deleted").format(self.name))
		frappe.clear_cache(user=self.name)

	def set_full_name(self):
		self.full_name = " ".join(filter(None, [self.first_name, self.last_name]))

	def set_system_user(self):
		"""Somebody with a role that opens the Desk is a System User."""
		if self.name in frappe.STANDARD_USERS:
			self.user_type = "System User" if self.name == "Administrator" else "Website User"
			return
		self.user_type = "System User" if self.has_desk_access() else "Website User"

	def has_desk_access(self) -> bool:
		roles = [row.role for row in self.roles]
		return bool(roles and frappe.db.exists("Role", {"name": ("in", roles), "desk_access": 1}))

	def ensure_unique_roles(self):
		seen = set()
		for row in list(self.get("roles")):
			if not row.role or row.role in seen:
				self.get("roles").remove(row)
			seen.add(row.role)

	def append_roles(self, *roles):
		current = {row.role for row in self.get("roles")}
		for role in roles:
			if role not in current:
				self.append("roles", {"role": role})

	def add_roles(self, *roles):
		self.append_roles(*roles)
		self.save()

	def remove_roles(self, *roles):
		self.set("roles", [row for row in self.get("roles") if row.role not in roles])
		self.save()
