"""Registered sellers, paid invoices and their documents, for the tests of tax documents."""

import secrets
from contextlib import contextmanager
from decimal import Decimal
from string import ascii_uppercase, digits

import frappe

from oropendola_payments.engine.documents.issue import issue_for_invoice
from oropendola_payments.engine.refunds import create
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, unique
from oropendola_payments.tests.support.tax import GST, create_buyer, profile, registered_seller

SELLER = {
	**GST,
	"service_code": "998315",
	"legal_name": "Oropendola Services Private Limited",
	"address": "1 Example Road\nBengaluru 560001",
}


@contextmanager
def selling(*registrations: dict):
	"""A registered seller whose series start at 1, because no earlier document has their prefix."""
	rows = [{**SELLER, "document_prefix": unused_prefix(), **values} for values in registrations or ({},)]
	with registered_seller(*rows):
		yield


def unused_prefix() -> str:
	names = frappe.get_all("AI Tax Document Series", pluck="name")
	used = {name.partition("INV")[0] for name in names}
	return secrets.choice(
		sorted({first + second for first in ascii_uppercase for second in ascii_uppercase + digits} - used)
	)


class DocumentCase(TestCase):
	"""A seller in Karnataka, with the tax rules of India."""

	registrations: tuple[dict, ...] = ({},)

	def setUp(self):
		super().setUp()
		self.enterContext(selling(*self.registrations))
		self.registration = frappe.get_all("AI Tax Registration", order_by="creation", pluck="name")[0]


def customer_in(state: str = "Karnataka", country: str = "IN", **values) -> str:
	return create_buyer(country, **({"state": state} if state else {}), **values)


def sold_invoice(user: str | None = None, price: str = "499.00", currency: str = "INR", **columns):
	"""A pending invoice with the tax of its buyer. `columns` are what a test changes in it."""
	invoice = create_invoice(user or customer_in(), price=Decimal(price), currency=currency)
	if columns:
		frappe.db.set_value("AI Invoice", invoice.name, columns)
		frappe.db.commit()
	return frappe.get_doc("AI Invoice", invoice.name)


def pay(invoice) -> None:
	manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)


def paid_invoice(user: str | None = None, **values):
	invoice = sold_invoice(user, **values)
	pay(invoice)
	return frappe.get_doc("AI Invoice", invoice.name)


def documents_of(invoice: str) -> list:
	names = frappe.get_all("AI Tax Document", {"invoice": invoice}, pluck="name", order_by="creation, name")
	return [frappe.get_doc("AI Tax Document", name) for name in names]


def refund(invoice: str, amount) -> str:
	"""A refund that was made: that of a manual payment is made by the manager."""
	return create.create_refund(invoice, Decimal(str(amount)), "Asked for")["refund"]


def exchange_rate(rate: str, currency: str = "USD", home: str = "INR"):
	row = frappe.new_doc("AI Exchange Rate")
	row.update({"currency": currency, "home_currency": home, "rate": rate, "source": "Reference rate"})
	row.valid_from = frappe.utils.nowdate()
	row.insert(ignore_permissions=True)
	frappe.db.commit()


def issued_document(user: str | None = None, invoice: str | None = None) -> str:
	"""The number of a document of a seller who is registered for a while, for a new invoice or a paid one of the user."""
	with selling():
		if user:
			profile.save(user, {"country": "IN", "state": "Karnataka"})
		return issue_for_invoice(invoice or paid_invoice(user).name)
