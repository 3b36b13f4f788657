"""One customer, one invoice, one gateway: each step that people and servers take, through the real endpoints."""

import os
from collections.abc import Mapping
from copy import copy

import frappe

from oropendola_payments.ai_billing.known_gateways import gateway_of
from oropendola_payments.api import payment
from oropendola_payments.engine.refunds import create
from oropendola_payments.exceptions import Refusal
from oropendola_payments.gateways import BUILT_IN
from oropendola_payments.gateways.errors import GatewayError
from oropendola_payments.simulator import Delivery, Return
from oropendola_payments.tests.support import checks
from oropendola_payments.tests.support.factories import as_user, create_invoice, create_user, enable_gateway
from oropendola_payments.tests.support.gateway_events import currency_of
from oropendola_payments.tests.support.simulated import deliver, deliver_return, open_pay_page, simulator
from oropendola_payments.tests.support.time_travel import forget_failures

GATEWAYS = tuple(os.environ.get("PAYMENT_PROPERTY_GATEWAYS", ",".join(BUILT_IN)).split(","))
PRICE = 499


_customers: dict[str, str] = {}


def customer() -> str:
	"""A user that all journeys of this run share: on a bench, creating one takes a second."""
	if frappe.local.site not in _customers:
		_customers[frappe.local.site] = create_user()
	return _customers[frappe.local.site]


class Journey:
	def __init__(self, gateway: str, *, user: str | None = None, settings: Mapping | None = None, **plan):
		self.gateway = gateway
		self.sim = simulator()
		self.sim.webhooks.take(gateway)
		self.sim.faults.clear()
		enable_gateway(gateway, **(settings or {}))
		self.user = user or customer()
		forget_failures(self.user)
		plan = {"price": PRICE, "currency": currency_of(gateway), **plan}
		invoice = create_invoice(self.user, **plan)
		self.invoice, self.subscription = invoice.name, invoice.subscription
		self.currency = invoice.currency

	def at_gateway(self, gateway: str) -> "Journey":
		"""The same invoice, paid at another gateway."""
		self.sim.webhooks.take(gateway)
		enable_gateway(gateway)
		other = copy(self)
		other.gateway = gateway
		return other

	# The customer ---------------------------------------------------------------------------------

	def initiate(self, **options) -> dict:
		with as_user(self.user):
			return payment.initiate_payment(invoice_id=self.invoice, gateway=self.gateway, **options)

	def start(self, **options) -> str:
		"""The name of an attempt whose pay page the customer has open."""
		answer = self.initiate(**options)
		if not answer["success"]:
			raise AssertionError(answer)
		open_pay_page(answer)
		return answer["attempt"]

	def retry(self) -> dict:
		with as_user(self.user):
			return payment.retry_payment(invoice_id=self.invoice, gateway=self.gateway)

	def cancel(self, attempt: str) -> dict:
		with as_user(self.user):
			return payment.cancel_payment(attempt=attempt)

	def poll(self, attempt: str | None = None) -> dict:
		with as_user(self.user):
			return payment.get_payment_status(invoice_id=self.invoice, attempt=attempt)

	def customer_pays(self, attempt: str, outcome: str = "success", **options) -> Return | None:
		"""The customer presses a button of the pay page. Returns the request that the browser would make to our site."""
		return self.sim.pay(self.gateway, attempt, outcome=outcome, **options)

	# Notices -------------------------------------------------------------------------------------

	def deliver_return(self, back: Return | None):
		return deliver_return(back) if back else None

	def take_webhooks(self) -> list[Delivery]:
		return self.sim.webhooks.take(self.gateway)

	def deliver_all(self) -> list:
		return [deliver(message) for message in self.take_webhooks()]

	# The manager ----------------------------------------------------------------------------------

	def refund(self, amount=None, **options) -> dict | None:
		"""None when the engine refuses."""
		try:
			return create.create_refund(self.invoice, amount, "A test", **options)
		except (Refusal, GatewayError):
			frappe.db.rollback()
			return None

	# The result -------------------------------------------------------------------------------------

	def doc(self):
		return frappe.get_doc("AI Invoice", self.invoice)

	def status(self) -> str:
		return frappe.db.get_value("AI Invoice", self.invoice, "status")

	def subscription_status(self) -> str:
		return frappe.db.get_value("AI Subscription", self.subscription, "status")

	def attempts(self) -> list[str]:
		return frappe.get_all("Payment Attempt", {"invoice": self.invoice}, pluck="name", order_by="creation")

	def gateways(self) -> list[str]:
		"""All gateways at which the invoice was tried."""
		tried = frappe.get_all("Payment Attempt", {"invoice": self.invoice}, pluck="gateway")
		return sorted(code for code in {self.gateway, *tried} if gateway_of(code))

	def captures(self) -> list:
		names = frappe.get_all(
			"Payment Capture", {"invoice": self.invoice}, pluck="name", order_by="creation"
		)
		return [frappe.get_doc("Payment Capture", name) for name in names]

	def refunds(self) -> list:
		names = frappe.get_all("Payment Refund", {"invoice": self.invoice}, pluck="name", order_by="creation")
		return [frappe.get_doc("Payment Refund", name) for name in names]

	def events(self) -> list[str]:
		return frappe.get_all("Payment Event", {"invoice": self.invoice}, pluck="event", order_by="sequence")

	def problems(self) -> list[str]:
		"""What is wrong, as sentences; empty when all is right."""
		return checks.problems(self)
