import frappe
from frappe.website._pages import home_page

no_cache = True


def get_context(context):
	context.redirect_to = sanitize_redirect(frappe.local.request.args.get("redirect-to"))
	if frappe.session.user != "Guest":
		home = home_page() if frappe.session.data.user_type == "Website User" else "app"
		frappe.local.flags.redirect_location = context.redirect_to or f"/{home}"
		raise frappe.Redirect(302)
	context.no_header = True


def sanitize_redirect(redirect: str | None) -> str | None:
	"""Give the address when it stays on this site."""
	if redirect and redirect.startswith("/") and redirect[1:2] not in ("/", "\\"):
		return redirect
