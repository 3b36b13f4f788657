"""What an invoice for a pack of credits says about the pack. It is fixed when the invoice is made, because packs change."""

from typing import TYPE_CHECKING

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.current import current, current_rows

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.ai_credit_pack.ai_credit_pack import AICreditPack
	from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice

TOP_UP = "Top-up"


def fill_in(invoice: "AIInvoice") -> None:
	"""Write what a new invoice for a pack buys, whatever was entered. Other invoices buy no credits."""
	if invoice.purpose != TOP_UP:
		invoice.update({"credit_pack": None, "credit_units": 0, "credit_days": 0, "credit_plans": None})
		return
	if not invoice.credit_pack:
		frappe.throw(_("Please choose the credit pack that is bought."))
	pack: AICreditPack = current("AI Credit Pack", invoice.credit_pack)
	invoice.update({"credit_units": cint(pack.units), "credit_days": cint(pack.validity_days)})
	invoice.credit_plans = pack.usable_under()
	# A pack belongs to the customer, so that it outlives a subscription.
	invoice.update({"subscription": None, "plan": None, "billing_interval": "", "interval_count": 0})
	invoice.description = invoice.description or pack.pack_name


def plans_in(text: str | None) -> list[str]:
	"""Return the plans of `credit_plans` or of a grant, under which credits can be used. None means every plan."""
	return text.split(",") if text else []


def plan_names(plans: list[str]) -> list[str]:
	"""Return the names that customers see. A plan that was deleted meanwhile has none, so its ID is shown."""
	names = {row.name: row.plan_name for row in current_rows("AI Plan")}
	return [names.get(plan) or plan for plan in plans]
