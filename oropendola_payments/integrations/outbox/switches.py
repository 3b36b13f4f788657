"""Which other apps take part: installed on this site, and switched on in Payment Settings."""

import frappe
from frappe.utils import cint

from oropendola_payments.ai_billing.current import payment_settings

HOOK = "payment_books"


def books_path() -> str | None:
	"""Return the class that knows the books of an installed app, as the hook names it: ERPNext's, or that of another app."""
	known = frappe.get_hooks(HOOK) or {}
	installed = frappe.get_installed_apps()
	return next((paths[-1] for app, paths in known.items() if app in installed), None)


def accepts_documents() -> bool:
	"""Return whether documents of other apps can be paid here."""
	return bool(cint(payment_settings().accept_documents))


def books_payouts() -> bool:
	"""Return whether payouts are booked. Books that another app brought before there were payouts cannot take them."""
	path = books_path()
	return bool(path and books_sales() and hasattr(frappe.get_attr(path), "book_payout"))


def books_sales() -> bool:
	"""Return whether our own invoices are booked."""
	return bool(cint(payment_settings().post_to_erpnext)) and bool(books_path())
