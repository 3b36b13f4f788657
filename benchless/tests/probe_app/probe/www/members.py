import frappe


def get_context(context):
	if frappe.session.user == "Guest":
		frappe.throw("Members only", frappe.PermissionError)
