import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils.password import update_password


class User(Document):
	def autoname(self):
		"""The mail address names the user, except for the two that are always there."""
		if self.get("is_admin") or self.get("is_guest"):
			self.name = self.first_name
		else:
			self.email = self.name = self.email.strip().lower()

	def validate(self):
		self.__new_password, self.new_password = self.new_password, ""
		if self.name not in frappe.STANDARD_USERS:
			self.email = self.name
			self._drop_doubled_roles()
		self.full_name = " ".join(filter(None, [self.first_name, self.last_name]))
		self._set_user_type()
		if self.enabled == 0 and self.name in frappe.STANDARD_USERS:
			frappe.throw(_("User {0} cannot be disabled").format(self.name))

	def on_update(self):
		if self.__new_password:
			update_password(
				self.name, self.__new_password, logout_all_sessions=bool(self.logout_all_sessions)
			)
		# A bench writes defaults along with most users, and clears the whole site's cache for them.
		frappe.clear_cache()

	def on_trash(self):
		if self.name in frappe.STANDARD_USERS:
			frappe.throw(_("User {0} cannot be deleted").format(self.name))
		frappe.clear_cache(user=self.name)

	def _set_user_type(self):
		"""Somebody with a role that opens the Desk is a System User."""
		roles = [row.role for row in self.roles]
		opens_desk = roles and frappe.db.exists("Role", {"name": ("in", roles), "desk_access": 1})
		if self.name in frappe.STANDARD_USERS:
			opens_desk = self.name == "Administrator"
		self.user_type = "System User" if opens_desk else "Website User"

	def _drop_doubled_roles(self):
		by_role = {row.role: row for row in self.roles if row.role}
		self.roles = list(by_role.values())

	def append_roles(self, *roles):
		current = {row.role for row in self.roles}
		for role in roles:
			if role not in current:
				self.append("roles", {"role": role})

	def add_roles(self, *roles):
		self.append_roles(*roles)
		self.save()
