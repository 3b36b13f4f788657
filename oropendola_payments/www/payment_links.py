"""The customer's page for the payment links of one invoice: create, send and revoke them."""

from frappe import _

from oropendola_payments.ai_billing import qr
from oropendola_payments.engine.link_checkout import send
from oropendola_payments.engine.links import create as links
from oropendola_payments.engine.links.list_links import links_of
from oropendola_payments.web import shell, words
from oropendola_payments.web.order import own_invoice, summary

no_cache = 1
sitemap = 0
STATES = {
	"Active": ("Active", "good"),
	"Paid": ("Paid", "good"),
	"Revoked": ("Revoked", "plain"),
	"Expired": ("Expired", "plain"),
}


def get_context(context):
	page, user = shell.open_page(context, _("Payment link")), shell.require_login()
	shell.add_script(page, "billing")
	invoice = own_invoice(user, shell.posted("invoice") or shell.query_param("invoice"))
	if not invoice:
		return shell.not_found(
			context,
			_("Invoice not found"),
			_("It may belong to another account. You can find your own invoices on the billing page."),
		)
	context.update({"new": None, "sent": shell.query_param("sent")})
	if shell.is_post():
		_act(context, page, invoice)
	context.update(
		{
			"invoice": summary(invoice),
			"is_payable": invoice.is_payable(),
			"links": [_row(row) for row in links_of(invoice.name)],
		}
	)
	page.title = _("Payment link for {0}").format(invoice.name)


def _row(row: dict) -> dict:
	return {
		**row,
		"badge": words.state(STATES, row["state"]),
		"created": words.moment(row["created_at"]),
		"expires": words.moment(row["expires_at"]),
		"can_revoke": row["state"] == "Active",
	}


# Buttons ------------------------------------------------------------------------------------------


def _act(context, page, invoice):
	action = ACTIONS.get(shell.posted("action"))
	if action:
		with shell.refusals_lead_to(_address(invoice)):
			action(context, page, invoice)


def _address(invoice) -> str:
	return f"/payment-links?invoice={invoice.name}"


def _create(context, page, invoice):
	"""Show the link in the answer to the POST, without a redirect, because no page that can be reloaded may contain it."""
	made = links.create(invoice.name, made_by=page.user, note=shell.posted("note")[:140] or None)
	context.new = {
		"address": made.address,
		"qr": qr.image(made.address),
		"expires": words.moment(made.link.expires_at),
	}


def _send_email(context, page, invoice):
	send.send(invoice, "Email", page.user)
	shell.redirect(f"{_address(invoice)}&sent=email")


def _send_sms(context, page, invoice):
	send.send(invoice, "SMS", page.user)
	shell.redirect(f"{_address(invoice)}&sent=sms")


def _revoke(context, page, invoice):
	link = shell.posted("link")
	if link in {row["link"] for row in links_of(invoice.name)}:
		links.revoke(link)
	shell.redirect(_address(invoice))


ACTIONS = {"create": _create, "email": _send_email, "sms": _send_sms, "revoke": _revoke}
