"""Cancel orders of packs that nobody has paid: nothing depends on them, so nobody is reminded of them either."""

import frappe

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.invoice_price import UNPAID
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.top_up import TOP_UP
from oropendola_payments.engine.core.batch import for_each
from oropendola_payments.engine.core.transactions import in_transaction, lock


def cancel_overdue() -> int:
	"""Cancel what is overdue and return how many orders that were. A late payment is refunded by the double-payment policy."""
	packs = frappe.get_all("AI Credit Pack", pluck="name")
	if not packs:
		return 0
	# The packs are named because an index of packs and status finds the few unpaid orders among all invoices.
	overdue = {"credit_pack": ("in", packs), "purpose": TOP_UP}
	overdue |= {"status": ("in", UNPAID), "due_date": ("<", today())}
	return for_each("AI Invoice", overdue, lambda name: in_transaction(_cancel, name))


def _cancel(name: str) -> None:
	invoice: AIInvoice = lock("AI Invoice", name)
	if invoice.status in UNPAID and not invoice.paid():
		invoice.mark_as_cancelled()
