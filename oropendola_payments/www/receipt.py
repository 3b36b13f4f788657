"""Receipt page, to print."""

from frappe import _

from oropendola_payments.ai_billing import receipt
from oropendola_payments.exceptions import NotFound
from oropendola_payments.web import shell
from oropendola_payments.web.order import own_invoice

no_cache = 1
sitemap = 0


def get_context(context):
	page, user = shell.open_page(context, _("Receipt")), shell.require_login()
	shell.add_script(page, "receipt")
	invoice, payment = own_invoice(user, shell.query_param("invoice")), shell.query_param("payment")
	if not invoice or not receipt.may_have(invoice) or not _has_payment(invoice, payment):
		return shell.not_found(
			context,
			_("Receipt not found"),
			_("You get a receipt once an invoice is paid. You can find your invoices on the billing page."),
		)
	page.title = _("Receipt {0}").format(invoice.name)
	context.update({"view": "receipt", "receipt": invoice.receipt(), "capture": payment})


def _has_payment(invoice, payment: str) -> bool:
	"""Return whether this is a payment of the invoice, of which the page then shows the receipt alone."""
	try:
		receipt.of_payment(invoice, payment or None)
	except NotFound:
		return False
	return True
