import frappe
from frappe import _

no_cache = 1


def get_context(context):
	context.error_title = context.error_title or _("Uncaught Server Exception")
	context.error_message = context.error_message or _("There was an error building this page")
	if frappe.get_system_settings("allow_error_traceback"):
		context.error = frappe.get_traceback()
