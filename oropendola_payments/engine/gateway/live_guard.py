"""Live guard: a database restored on another site cannot call Live gateways until a manager confirms the site."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.current import forget, payment_settings
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import append_to_site
from oropendola_payments.exceptions import Unavailable


def this_site() -> str:
	"""Return the site name and the public host name. A copy differs in at least one of them."""
	host = frappe.conf.get("host_name") or ""
	return f"{frappe.local.site} {host}".strip()


def is_confirmed() -> bool:
	return payment_settings().confirmed_site == this_site()


def is_copy() -> bool:
	"""Return whether another site was confirmed for live payments: this one may be a restored copy of it, or has a new host name."""
	return bool(payment_settings().confirmed_site) and not is_confirmed()


def require_confirmed(label: str) -> None:
	if not is_confirmed():
		message = _(
			"{0} is in Live mode, but this site is not confirmed for live payments. It may be a copy of the real site. A Payments Manager can confirm it in Payment Settings."
		)
		raise Unavailable(message.format(label))


def confirm_if_first() -> None:
	"""Confirm the site when its first Live gateway is saved."""
	if not frappe.db.get_single_value("Payment Settings", "confirmed_site"):
		confirm()


def confirm() -> None:
	before = frappe.db.get_single_value("Payment Settings", "confirmed_site")
	frappe.db.set_single_value("Payment Settings", "confirmed_site", this_site())
	forget("Payment Settings")
	append_to_site("live_site_confirmed", before=before, after=this_site())
