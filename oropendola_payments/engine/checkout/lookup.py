"""The customer's own invoices and payments. A stranger's do not exist for anybody else."""

import frappe
from frappe import _

from oropendola_payments.engine.phone.numbers import keep_phone
from oropendola_payments.exceptions import NotFound


def own_invoice(user: str, name: str):
	"""The invoice, for its owner. A stranger's invoice does not exist for anybody else."""
	if frappe.db.get_value("AI Invoice", name, "user") != user:
		raise NotFound(_("You have no invoice {0}.").format(name))
	return frappe.get_doc("AI Invoice", name)


def own_attempt(user: str, name: str):
	if frappe.db.get_value("Payment Attempt", name, "user") != user:
		raise NotFound(_("You have no payment {0}.").format(name))
	return frappe.get_doc("Payment Attempt", name)


def keep_phone_of_payer(user: str, invoice: str, phone: str | None):
	"""A phone number that comes with a payment is kept in the payer's own profile."""
	if phone:
		own_invoice(user, invoice)
		keep_phone(user, phone)
