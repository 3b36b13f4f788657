"""The emails about credits: that they were bought, and that they expire soon."""

import frappe
from frappe.utils import cint

from oropendola_payments.ai_billing import credit_units, formatting
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.ai_tax_document.ai_tax_document import AITaxDocument
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.top_up import plan_names, plans_in
from oropendola_payments.engine.notifications import emails
from oropendola_payments.engine.wallet import balance


def credits_bought(
	invoice: AIInvoice, capture: PaymentCapture, issued: list[AITaxDocument] | None = None
) -> None:
	"""Send the receipt of a pack, with what it brought."""

	def values() -> dict:
		return {
			**emails.about_invoice(invoice),
			"amount": formatting.money(capture.amount, capture.currency),
			"credits": formatting.number(cint(invoice.credit_units)),
			"valid_until": formatting.day(balance.last_day_of(invoice.name)),
			"plans": ", ".join(plan_names(plans_in(invoice.credit_plans))),
			"balance": credit_units.text(balance.balance(invoice.user)),
		}

	emails.about_paid("credits_bought", invoice, "/credits", values, issued)


def credits_expiring(user: str, grants: list[str], stop_link: str) -> None:
	"""Tell that these credits expire soon, as far as they are still there."""
	left = [grant for grant in balance.usable_grants(user) if grant.name in grants]
	if not left:
		return

	def values() -> dict:
		return {
			"credits": credit_units.text(sum(int(grant.remaining) for grant in left)),
			"expires_on": formatting.day(left[0].valid_until),
			"grants": [_line(grant) for grant in left],
			"stop_link": stop_link,
		}

	grant = frappe._dict(doctype="AI Credit Grant", name=left[0].name, user=user)
	emails.about_account("credits_expiring", grant, values, "/credits")


def _line(grant: frappe._dict) -> dict[str, str]:
	return {
		"credits": credit_units.text(int(grant.remaining)),
		"expires_on": formatting.day(grant.valid_until),
		"plans": ", ".join(plan_names(plans_in(grant.plans))),
	}
