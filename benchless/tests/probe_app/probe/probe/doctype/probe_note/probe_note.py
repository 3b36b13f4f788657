from frappe.model.document import Document


class ProbeNote(Document):
	pass
