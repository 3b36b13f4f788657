"""Tell the document of another app that it was paid, as the contract wants it: `on_payment_authorized("Completed")`, once."""

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.payment_posting.payment_posting import PaymentPosting
from oropendola_payments.integrations.outbox.paying import completed_by
from oropendola_payments.integrations.outbox.service_user import as_service_user
from oropendola_payments.integrations.outbox.types import Made, NeedsAttention


def post(posting: PaymentPosting) -> Made:
	"""Run the document's method in the caller's transaction, so that what it writes and that it was told come together."""
	invoice = frappe.get_doc("AI Invoice", posting.invoice)
	doctype, name = invoice.external_doctype, invoice.external_name
	if not frappe.db.exists("DocType", doctype) or not frappe.db.exists(doctype, name):
		message = _("{0} {1} was paid but does not exist any more. Please refund the payment, or close this.")
		raise NeedsAttention(message.format(doctype, name))
	if not completed_by(invoice):
		message = _("The money for {0} {1} went back before it was told of the payment. Please close this.")
		raise NeedsAttention(message.format(doctype, name))
	frappe.flags.data = frappe._dict(
		reference_doctype=doctype,
		reference_docname=name,
		amount=posting.amount,
		currency=posting.currency,
		payment_gateway=invoice.payment_gateway,
		payment_id=invoice.transaction_id,
		status="Completed",
	)
	with as_service_user():
		frappe.get_doc(doctype, name, for_update=True).run_method("on_payment_authorized", "Completed")
	return Made(doctype, name)
