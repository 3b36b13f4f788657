"""Pages of ours that a person opens. Their addresses say nothing secret: each asks for a log-in."""

from urllib.parse import quote

from frappe import _
from frappe.utils import get_url

from oropendola_payments.mcp.tools.tool import Page


def checkout(invoice: str) -> Page:
	message = _("Please open the checkout page to pay invoice {0}. You choose how to pay there.")
	return Page(get_url(f"/checkout?invoice={quote(invoice)}"), _("Checkout"), message.format(invoice))


def billing(message: str) -> Page:
	return Page(get_url("/billing"), _("Billing"), message)


def trial(plan: str) -> Page:
	message = _("Please open this page to confirm your phone number. The trial starts after that.")
	return Page(get_url(f"/trial?plan={quote(plan)}"), _("Confirm phone number"), message)
