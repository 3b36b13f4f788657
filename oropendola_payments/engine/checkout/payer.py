"""The payer: access to own invoices and attempts, and the customer data sent to a gateway."""

from dataclasses import dataclass

import frappe
from frappe import _
from frappe.query_builder import DocType
from frappe.query_builder.functions import Count
from frappe.utils import cint
from pypika.queries import QueryBuilder

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.phone.numbers import keep_phone
from oropendola_payments.engine.subscriptions import retries
from oropendola_payments.engine.tax.parties import Buyer, buyer_of, query_of
from oropendola_payments.exceptions import NotFound
from oropendola_payments.gateways.base import Customer


@dataclass(frozen=True)
class Payer:
	customer: Customer
	buyer: Buyer
	subscription_status: str | None
	failed_tries: int  # within the last hour, over all invoices


def payer_of(invoice: AIInvoice) -> Payer:
	"""Return the payer of an invoice, with one statement."""
	rows = _query(invoice).run(as_dict=True)
	person = rows[0] if rows else frappe._dict(user_email=invoice.user)
	customer = Customer(
		name=(person.full_name or person.user_email or "")[:60],
		email=person.user_email or invoice.user,
		phone=person.mobile_no or person.phone or "",
	)
	return Payer(customer, buyer_of(person), person.subscription_status, cint(person.failed_tries))


def _query(invoice: AIInvoice) -> QueryBuilder:
	user, subscription, attempt = (DocType(name) for name in ("User", "AI Subscription", "Payment Attempt"))
	failed = frappe.qb.from_(attempt).select(Count("*")).where(attempt.user == invoice.user)
	failed = failed.where(attempt.status == "Failed").where(attempt.creation > retries.counted_from(invoice))
	failed = failed.where(attempt.error_code.isnull() | attempt.error_code.notin(retries.NOT_COUNTED))
	query = query_of(invoice.user).left_join(subscription).on(subscription.name == invoice.subscription)
	status = subscription.status.as_("subscription_status")
	return query.select(user.mobile_no, user.phone, status, failed.as_("failed_tries"))


def own_invoice(user: str, name: str | None) -> AIInvoice:
	"""Return the invoice of this user. Another user's invoice is reported as not found."""
	if frappe.db.get_value("AI Invoice", name, "user") != user:
		raise NotFound(_("You have no invoice {0}.").format(name))
	return frappe.get_doc("AI Invoice", name)


def own_attempt(user: str, name: str) -> PaymentAttempt:
	if frappe.db.get_value("Payment Attempt", name, "user") != user:
		raise NotFound(_("You have no payment {0}.").format(name))
	return frappe.get_doc("Payment Attempt", name)


def keep_phone_of_payer(user: str, invoice: str, phone: str | None) -> None:
	"""Store a phone number that was sent with a payment in the payer's profile."""
	if phone:
		own_invoice(user, invoice)
		keep_phone(user, phone)
