"""What an invoice for a pack of credits says about the pack. It is fixed when the invoice is made, because packs change."""

from typing import TYPE_CHECKING

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.current import current

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.ai_credit_pack.ai_credit_pack import AICreditPack
	from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice

TOP_UP = "Top-up"


def fill_in(invoice: "AIInvoice") -> None:
	"""Write what a new invoice for a pack buys, whatever was entered. Other invoices buy no credits."""
	if invoice.purpose != TOP_UP:
		invoice.update({"credit_pack": None, "credit_units": 0, "credit_days": 0})
		return
	if not invoice.credit_pack:
		frappe.throw(_("Please choose the credit pack that is bought."))
	pack: AICreditPack = current("AI Credit Pack", invoice.credit_pack)
	invoice.update({"credit_units": cint(pack.units), "credit_days": cint(pack.validity_days)})
	# A pack belongs to the customer, so that it outlives a subscription.
	invoice.update({"subscription": None, "plan": None, "billing_interval": "", "interval_count": 0})
	invoice.description = invoice.description or pack.pack_name
