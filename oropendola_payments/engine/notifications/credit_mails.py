"""The email about credits that were bought."""

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
