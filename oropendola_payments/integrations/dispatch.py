"""What hooks.py names. An adapter is loaded only where its app is installed and switched on in Payment Settings."""

from typing import Any

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, now_datetime

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import PaymentCapture
from oropendola_payments.ai_billing.doctype.payment_event.payment_event import acting_as
from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	PaymentGatewaySettings,
)
from oropendola_payments.ai_billing.doctype.payment_payout.payment_payout import PaymentPayout
from oropendola_payments.ai_billing.doctype.payment_posting.payment_posting import PaymentPosting
from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import PaymentRefund
from oropendola_payments.ai_billing.doctype.payment_settings.payment_settings import PaymentSettings
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.batch import enqueue_sweep
from oropendola_payments.engine.documents.sweep import issue_all
from oropendola_payments.exceptions import BadRequest
from oropendola_payments.integrations.outbox import plan, run, switches
from oropendola_payments.integrations.outbox.service_user import as_service_user
from oropendola_payments.integrations.outbox.types import Made
from oropendola_payments.integrations.payouts import plan as payout_plan

ERPNEXT = "oropendola_payments.integrations.erpnext"
PAYMENTS_APP = "oropendola_payments.integrations.payments_app"
PAYOUTS = "oropendola_payments.integrations.payouts"
THIS = "oropendola_payments.integrations.dispatch"


# Postings -----------------------------------------------------------------------------------------


def payment_succeeded(invoice: AIInvoice, capture: PaymentCapture) -> None:
	post_invoice(invoice.name)


def payment_refunded(invoice: AIInvoice, refund: PaymentRefund) -> None:
	post_invoice(invoice.name)


def invoice_closed(invoice: AIInvoice) -> None:
	post_invoice(invoice.name)


def payout_recorded(payout: PaymentPayout) -> None:
	post_payout(payout.name)


def post_invoice(invoice: str) -> None:
	"""Plan and post what other apps must know about an invoice, if one of them takes part."""
	if _takes_part():
		issue_all(invoice)  # the books follow the tax document
		plan.plan(invoice)
		run.post_all(invoice, post)


def post_payout(payout: str) -> None:
	"""Plan and post the entry of a payout, if payouts are booked."""
	if switches.books_payouts():
		payout_plan.plan(payout)
		if posting := payout_plan.posting_of(payout):
			run.post(posting, post)


def post_again(posting: str) -> None:
	"""Post what waits together with a posting that a manager released."""
	row = frappe.db.get_value("Payment Posting", posting, ["invoice", "payout"], as_dict=True)
	if row and row.payout:
		post_payout(row.payout)
	elif row:
		post_invoice(row.invoice)


def post_postings() -> None:
	"""For cron."""
	enqueue_sweep(f"{THIS}.run_postings")


def run_postings() -> int:
	"""Plan what was missed, and post what is due. Return how many postings were."""
	if not _takes_part():
		return 0
	with acting_as("Sweep"):
		plan.plan_missing()
		if switches.books_payouts():
			payout_plan.plan_missing()
		return run.post_due(post)


def post(posting: PaymentPosting) -> Made:
	"""Post one row in the caller's transaction."""
	if posting.kind == "Document":
		return frappe.get_attr(f"{PAYMENTS_APP}.tell.post")(posting)
	if posting.kind == "Payout":
		return frappe.get_attr(f"{PAYOUTS}.transfer.post")(posting, _books())
	return frappe.get_attr(f"{ERPNEXT}.poster.post")(posting, _books())


def _books() -> Any:
	"""Return the books of the installed app, or None."""
	path = switches.books_path()
	return frappe.get_attr(path)() if path else None


def _takes_part() -> bool:
	return switches.accepts_documents() or switches.books_sales()


# Documents of other apps --------------------------------------------------------------------------


def payment_url(settings: Document, method: str | None = None, **details: Any) -> str:
	"""For the controller that the app Payments finds: the address at which a document can be paid."""
	return frappe.get_attr(f"{PAYMENTS_APP}.link.payment_url")(settings, **details)


def request_cancelling(request: Document, method: str | None = None) -> None:
	_tell_erpnext("events.request_cancelling", request)


def request_cancelled(request: Document, method: str | None = None) -> None:
	_tell_erpnext("events.request_cancelled", request)


def payment_entry_changed(entry: Document, method: str | None = None) -> None:
	_tell_erpnext("events.payment_changed", entry)


def _tell_erpnext(function: str, *arguments: Any) -> None:
	if switches.accepts_documents():
		frappe.get_attr(f"{ERPNEXT}.{function}")(*arguments)


# Switching on and off -----------------------------------------------------------------------------


def settings_validated(settings: PaymentSettings, method: str | None = None) -> None:
	"""For `doc_events`: refuse to book where there is no ERPNext, and remember since when it is done.

	Switched on again, it books what happened meanwhile: half a sale would not balance.
	"""
	if not cint(settings.post_to_erpnext):
		return
	books = _books()
	if not books:
		raise BadRequest(
			_("ERPNext is not installed on this site. Please install it first, or leave this off.")
		)
	books.require_company(settings.erpnext_company)
	if settings.has_value_changed("post_to_erpnext"):
		settings.postings_complete_until = None  # sales were not looked for while it was off
	if not settings.post_since:
		settings.post_since = now_datetime()


def gateway_validated(settings: PaymentGatewaySettings, method: str | None = None) -> None:
	"""For `doc_events`: the company of an account must be in the books, and be the one that sells if its account does."""
	if not settings.company or not switches.books_sales() or not (books := _books()):
		return
	books.require_company(settings.company)
	seller = payment_settings().erpnext_company
	if cint(settings.enabled) and not cint(settings.documents_only) and settings.company != seller:
		message = _(
			"Plans are sold by {0}, not by {1}. Please tick Documents Only, or correct the Company here or in Payment Settings."
		)
		raise BadRequest(message.format(seller, settings.company))


def settings_saved(settings: PaymentSettings, method: str | None = None) -> None:
	if cint(settings.accept_documents) or cint(settings.post_to_erpnext):
		after_commit.enqueue_after_commit(f"{THIS}.prepare")


def gateway_saved(settings: Document, method: str | None = None) -> None:
	_prepare_soon()


def app_installed(app: str) -> None:
	"""For `after_app_install`: another app may have come after this one was switched on."""
	_prepare_soon()


def company_added(company: Document, method: str | None = None) -> None:
	_prepare_soon()


def _prepare_soon() -> None:
	if _takes_part():
		after_commit.enqueue_after_commit(f"{THIS}.prepare")


def prepare() -> None:
	"""Add what is missing in other apps, in a worker: after a setting was saved, an app was installed or a company added. And after migrations."""
	if not _takes_part():
		return
	with as_service_user():
		frappe.get_attr(f"{PAYMENTS_APP}.registration.register_all")()
		if books := _books():
			books.prepare()


def uninstalling() -> None:
	"""Leave no field and no Payment Gateway behind that would need this app."""
	with as_service_user():
		frappe.get_attr(f"{PAYMENTS_APP}.registration.unregister_all")()
		if books := _books():
			books.remove()
