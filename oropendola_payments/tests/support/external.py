"""A document of another app that is paid through a gateway of ours: what that app does, and what the payer does."""

from urllib.parse import urlsplit

import frappe

from oropendola_payments.tests.support import factories
from oropendola_payments.tests.support.books import books_installed
from oropendola_payments.tests.support.links import LinkCase, start

THIS = "oropendola_payments.tests.support.external"
told: list[tuple] = []


def on_payment_authorized(doc, _event, status):
	told.append((doc.name, status, frappe.session.user, frappe.flags.data.amount))


def fail(doc, _event, status):
	frappe.throw("The other app has a bug.")


class ExternalCase(LinkCase):
	"""The document is a user: what it is does not matter to the contract."""

	def setUp(self):
		super().setUp()
		told.clear()
		self.books = self.enterContext(books_installed())
		self.document = factories.create_user()
		self.settings = factories.enable_gateway(
			self.gateway, api_base_url=f"{self.sim.url}/{self.gateway}", require_phone_code=0
		)
		self.ask(499.0)

	def ask(self, amount, **details) -> str:
		"""What the other app does; its transaction ends with the request."""
		address = self.settings.get_payment_url(**self.details(amount=amount, **details))
		frappe.db.commit()
		self.path = urlsplit(address).path
		name = frappe.get_all(
			"AI Invoice", {"external_name": self.document}, pluck="name", order_by="creation desc, name desc"
		)[0]
		self.invoice = frappe.get_doc("AI Invoice", name)
		return address

	def details(self, **changes) -> dict:
		return {
			"title": "Example Traders",
			"description": f"Payment Request for {self.document}",
			"reference_doctype": "User",
			"reference_docname": self.document,
			"payer_email": "payer@example.com",
			"payer_name": "Payer",
			"order_id": self.document,
			"currency": "INR",
			"payment_gateway": "Oropendola PayU",
			**changes,
		}

	def pay(self) -> str:
		attempt = start(self.path, self.gateway)
		self.pay_at_gateway(attempt)
		return attempt

	def posting(self, kind: str):
		name = frappe.db.get_value("Payment Posting", {"invoice": self.invoice.name, "kind": kind})
		return frappe.get_doc("Payment Posting", name) if name else None


__all__ = ["ExternalCase", "told"]
