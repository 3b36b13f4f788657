from frappe.model.document import Document


class AIPlanPrice(Document):
	pass
