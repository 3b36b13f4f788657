import frappe
from frappe.utils import strip_html

no_cache = 1


def get_context(context):
	"""Give title and text of `frappe.respond_as_web_page` and of refusals."""
	context.title = strip_html(getattr(frappe.local, "message_title", None) or "")
	context.message = getattr(frappe.local, "message", None) or ""
