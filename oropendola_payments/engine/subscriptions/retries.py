"""Failed tries: how many a customer has in an hour over all invoices, and one more that a manager allows.

The limit by the hour prevents that a new invoice brings new tries at once. The failed attempts themselves are counted: they cannot be deleted, and counting them costs no statement of its own.
"""

import math
from datetime import datetime, timedelta

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import EXTERNAL, AIInvoice
from oropendola_payments.engine.core.transactions import in_transaction, lock
from oropendola_payments.exceptions import NotFound, TooManyRequests
from oropendola_payments.gateways.errors import CredentialsRefused, NotSent

WINDOW = timedelta(hours=1)
# Nobody tries cards out by a gateway that cannot be reached or refuses our keys.
NOT_COUNTED = (NotSent.code, CredentialsRefused.code)


def counted_from(invoice: AIInvoice) -> datetime:
	"""Return the time from which failed tries count: an hour ago, or when a manager allowed another try of this invoice.

	Invoices for documents of other apps have one owner for many payers. Their links have limits of their own.
	"""
	if invoice.get("purpose") == EXTERNAL:  # of its columns alone, too
		return now_datetime()
	allowed_on = get_datetime(invoice.retry_allowed_on) if invoice.get("retry_allowed_on") else None
	return max(now_datetime() - WINDOW, allowed_on or datetime.min)


def require_try_left(invoice: AIInvoice, failed_tries: int) -> None:
	"""Raise TooManyRequests, with the time to wait, if the customer has failed too often within the hour."""
	limit = cint(payment_settings().failed_tries_per_hour)
	if limit and failed_tries >= limit:
		message = _("Your payments failed {0} times within an hour. Please try again in {1} minutes.")
		raise TooManyRequests(message.format(failed_tries, _minutes_to_wait(invoice, failed_tries - limit)))


def _minutes_to_wait(invoice: AIInvoice, surplus: int) -> int:
	"""Return the minutes until so few failed tries count that another one is allowed."""
	filters = {"user": invoice.user, "status": "Failed", "creation": (">", counted_from(invoice))}
	rows = frappe.get_all("Payment Attempt", filters, ["creation", "error_code"], order_by="creation")
	times = [row.creation for row in rows if row.error_code not in NOT_COUNTED]
	until = get_datetime(times[min(surplus, len(times) - 1)]) + WINDOW if times else now_datetime()
	return max(1, math.ceil((until - now_datetime()).total_seconds() / 60))


def allow_retry(invoice_name: str, reason: str) -> dict:
	"""Allow one more try, whatever the limits of the invoice and of the hour. Raises Conflict if one is left anyway."""
	if not frappe.db.exists("AI Invoice", invoice_name):
		raise NotFound(_("There is no invoice {0}.").format(invoice_name))
	return in_transaction(_allow_locked, invoice_name, reason)


def _allow_locked(invoice_name: str, reason: str) -> dict:
	invoice = lock("AI Invoice", invoice_name)
	invoice.allow_retry(reason)
	return {"invoice_id": invoice.name, "retries_remaining": invoice.retries_remaining()}
