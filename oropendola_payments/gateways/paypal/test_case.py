"""The case that all tests of PayPal share."""

import requests

from oropendola_payments.gateways.base import Callback, Notice, PaymentEvent, PaymentRef
from oropendola_payments.gateways.paypal.adapter import PayPal
from oropendola_payments.tests.support.adapter_case import AdapterCase

PAYPAL_CERTIFICATE = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42"


class ClosedNetwork(requests.adapters.BaseAdapter):
	"""A network on which nobody answers; it remembers the addresses that were called."""

	def __init__(self):
		super().__init__()
		self.urls: list[str] = []

	def send(self, request, **options):
		self.urls.append(request.url)
		raise requests.ConnectTimeout(request=request)

	def close(self):
		pass


class PayPalCase(AdapterCase):
	gateway_class = PayPal
	prefix = "PP"
	amount = "499.50"
	currency = "USD"

	def without_network(self, mode: str) -> tuple[PayPal, ClosedNetwork]:
		"""An adapter of this mode whose calls nobody answers."""
		gateway, network = self.make_gateway(mode), ClosedNetwork()
		for scheme in ("https://", "http://"):
			gateway.http.session.mount(scheme, network)
		return gateway, network

	def approved(self, outcome: str = "success", **changes) -> PaymentRef:
		"""An order that the payer approved, not captured yet."""
		payment = self.open(**changes)
		self.simulator.pay("paypal", payment.reference, outcome=outcome)
		return payment

	def captured(self, **changes) -> tuple[PaymentRef, PaymentEvent]:
		"""An order that was captured; its webhooks are taken away."""
		payment = self.approved(**changes)
		event = self.gateway.capture(payment, self.status(payment), "capture-key")
		self.simulator.webhooks.clear()
		return payment, event

	def next_notice(self) -> Notice:
		return self.gateway.receive(self.webhook(self.simulator.webhooks.pop()))

	def signed(self, body: bytes) -> Callback:
		return Callback("webhook", "POST", self.provider.signed_headers(body), {}, body)
