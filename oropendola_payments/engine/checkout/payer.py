"""The payer: access to own invoices and attempts, and the customer data sent to a gateway."""

from dataclasses import dataclass

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.phone.numbers import keep_phone
from oropendola_payments.engine.subscriptions import retries
from oropendola_payments.exceptions import NotFound
from oropendola_payments.gateways.base import Customer

READ = """
	SELECT u.full_name, u.email, u.mobile_no, u.phone, s.status AS subscription_status, (
		SELECT COUNT(*) FROM `tabPayment Attempt` a
		WHERE a.user = u.name AND a.status = 'Failed' AND a.creation > %(failed_since)s) AS failed_tries
	FROM `tabUser` u LEFT JOIN `tabAI Subscription` s ON s.name = %(subscription)s WHERE u.name = %(user)s
"""


@dataclass(frozen=True)
class Payer:
	customer: Customer
	subscription_status: str | None
	failed_tries: int  # within the last hour, over all invoices


def payer_of(invoice: AIInvoice) -> Payer:
	"""Return the payer of an invoice."""
	values = {
		"user": invoice.user,
		"subscription": invoice.subscription,
		"failed_since": retries.counted_from(invoice),
	}
	rows = frappe.db.sql(READ, values, as_dict=True)
	person = rows[0] if rows else frappe._dict()
	customer = Customer(
		name=(person.full_name or person.email or "")[:60],
		email=person.email or invoice.user,
		phone=person.mobile_no or person.phone or "",
	)
	return Payer(customer, person.subscription_status, cint(person.failed_tries))


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
