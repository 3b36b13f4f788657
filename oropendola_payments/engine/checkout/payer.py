"""Who pays an invoice, and whether its subscription still wants the money: read together, in one statement."""

from dataclasses import dataclass

import frappe

from oropendola_payments.gateways.base import Customer

READ = """
	SELECT u.full_name, u.email, u.mobile_no, u.phone, s.status AS subscription_status
	FROM `tabUser` u LEFT JOIN `tabAI Subscription` s ON s.name = %s WHERE u.name = %s
"""


@dataclass(frozen=True)
class Payer:
	customer: Customer
	subscription_status: str | None


def payer_of(invoice) -> Payer:
	"""`invoice` needs `user` and `subscription` only."""
	rows = frappe.db.sql(READ, (invoice.subscription, invoice.user), as_dict=True)
	person = rows[0] if rows else frappe._dict()
	customer = Customer(
		name=(person.full_name or person.email or "")[:60],
		email=person.email or invoice.user,
		phone=person.mobile_no or person.phone or "",
	)
	return Payer(customer, person.subscription_status)
