import frappe
from frappe.model.document import Document


class ProbeNote(Document):
	@frappe.whitelist()
	def shout(self, times: int = 1):
		return self.title.upper() + "!" * times

	def whisper(self):
		return self.title.lower()
