"""What the tests of PayPal share: the adapter beside its simulated provider, and ways to get a payment somewhere."""

import unittest
from decimal import Decimal

import requests

from oropendola_payments.gateways.base import Callback, Customer, PaymentRef, PaymentRequest, RefundRequest
from oropendola_payments.gateways.http import HttpClient
from oropendola_payments.gateways.paypal.adapter import PayPal
from oropendola_payments.simulator import Simulator

RETURN = "https://shop.example.com/returned?gateway=paypal&attempt={0}"


class Tokens:
	"""The token cache of a host, in a dict."""

	def __init__(self):
		self.kept = {}

	def get(self, key):
		return self.kept.get(key)

	def set(self, key, value, seconds):
		assert seconds > 0
		self.kept[key] = value

	def delete(self, key):
		self.kept.pop(key, None)


class Closed(requests.adapters.BaseAdapter):
	"""A network on which nobody answers; it remembers what was asked for."""

	def __init__(self):
		super().__init__()
		self.asked = []

	def send(self, request, **options):
		self.asked.append(request.url)
		raise requests.ConnectTimeout(request=request)

	def close(self):
		pass


class PayPalCase(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		cls.simulator = Simulator(codes=["paypal"]).start()
		cls.addClassCleanup(cls.simulator.close)
		cls.count = 0

	def setUp(self):
		self.simulator.reset()
		self.provider = self.simulator.providers["paypal"]
		self.simulator.configure("paypal", **self.provider.defaults)
		type(self).count += 1
		self.reference = f"PP{self.count:06d}"
		self.tokens = Tokens()
		self.gateway = self.adapter()

	def adapter(self, mode="Simulator", tokens=None, **secrets):
		session = requests.Session()
		session.trust_env = False
		self.addCleanup(session.close)
		return PayPal(
			secrets={**PayPal.simulator_secrets, **secrets},
			mode=mode,
			http=HttpClient(session),
			tokens=tokens or self.tokens,
			base_url=f"{self.simulator.url}/paypal" if mode == "Simulator" else None,
		)

	def closed_adapter(self, mode):
		gateway, network = self.adapter(mode), Closed()
		gateway.http.session.mount("https://", network)
		gateway.http.session.mount("http://", network)
		return gateway, network

	def request(self, amount="499.50", currency="USD", **changes):
		values = {
			"reference": self.reference,
			"amount": Decimal(amount),
			"currency": currency,
			"description": "Pro plan, one month",
			"customer": Customer("Asha Example", "asha@example.com"),
			"return_url": RETURN.format(self.reference),
			"cancel_url": RETURN.format(self.reference) + "&cancelled=1",
			"webhook_url": "https://shop.example.com/hook",
			"idempotency_key": f"{self.reference}-create",
		}
		return PaymentRequest(**{**values, **changes})

	def opened(self, **changes):
		request = self.request(**changes)
		checkout = self.gateway.create(request)
		return PaymentRef(request.reference, request.amount, request.currency, checkout.order_id)

	def approved(self, outcome="success", **changes):
		payment = self.opened(**changes)
		self.simulator.pay("paypal", payment.reference, outcome=outcome)
		return payment

	def captured(self, **changes):
		payment = self.approved(**changes)
		event = self.gateway.capture(payment, self.only(self.gateway.status(payment)), "capture-key")
		self.simulator.webhooks.clear()
		return payment, event

	def only(self, events):
		self.assertEqual(len(events), 1, events)
		return events[0]

	def refund_request(self, payment, event, amount="100.00", key="RF0001", **changes):
		return RefundRequest(payment, event.payment_id, Decimal(amount), payment.currency, key, **changes)

	def webhook(self, delivery):
		return Callback("webhook", "POST", delivery.headers, {"gateway": "paypal"}, delivery.body)

	def signed(self, body):
		return Callback("webhook", "POST", self.provider.signed_headers(body), {}, body)
