import sys

from frappe.model.document import Document


class Notification(Document):
	def after_insert(self):
		if self.enabled:
			text = f"benchless sends no Notifications: {self.name} does nothing here; use a bench."
			print(text, file=sys.stderr)
