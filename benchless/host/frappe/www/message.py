import frappe
from frappe.utils import escape_html, strip_html_tags

no_cache = 1


def get_context(context):
	"""Give title and text of `frappe.respond_as_web_page`, of a stored message, or of the address."""
	found = frappe._dict()
	if hasattr(frappe.local, "message"):
		title = frappe.local.message_title
		found.update(header=title, title=strip_html_tags(title), message=frappe.local.message)
	elif frappe.form_dict.id and (stored := frappe.cache.get_value(f"message_id:{frappe.form_dict.id}")):
		found.update(stored.get("context", {}))
	found.title = found.title or escape_html(frappe.form_dict.title or "")
	found.message = found.message or escape_html(frappe.form_dict.message or "")
	return found
