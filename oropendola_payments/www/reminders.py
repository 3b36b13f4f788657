"""Stop payment reminders, from the link in an email and without a login. Opening the page changes nothing: mail scanners open links too."""

from frappe import _

from oropendola_payments.engine.core.transactions import in_transaction
from oropendola_payments.engine.dunning import opt_out
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.web import shell

no_cache = 1
sitemap = 0


def get_context(context):
	page = shell.open_page(context, _("Payment reminders"))
	link = {name: shell.query_param(name) for name in ("invoice", "channel", "token")}
	try:
		opt_out.require_token(link["invoice"], link["channel"], link["token"])
		if shell.is_post():
			in_transaction(opt_out.stop_all_reminders, link["invoice"], link["channel"], link["token"])
	except BadRequest:
		return shell.not_found(
			context,
			_("This link is not complete"),
			_("Please open it again from the email, or log in and change it on the billing page."),
		)
	context.update({"view": "stopped" if shell.is_post() else "ask", "link": link})
	page.title = _("Payment reminders")
