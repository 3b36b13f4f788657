"""What the tests of Cashflows share: the adapter beside its simulated provider, and ways to get a payment somewhere."""

import json
import unittest
from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import requests

from oropendola_payments.gateways.base import Callback, Customer, PaymentRef, PaymentRequest, RefundRequest
from oropendola_payments.gateways.cashflows.adapter import Cashflows
from oropendola_payments.gateways.http import HttpClient
from oropendola_payments.simulator import Simulator

RETURN = "https://shop.example.com/returned?gateway=cashflows&attempt={0}"
WEBHOOK = "https://shop.example.com/api/method/webhooks.receive?gateway=cashflows"


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


class Recorder(requests.adapters.HTTPAdapter):
	"""The real network, remembering the requests that went over it."""

	def __init__(self):
		super().__init__()
		self.sent = []

	def send(self, request, **options):
		self.sent.append(request)
		return super().send(request, **options)


class CashflowsCase(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		cls.simulator = Simulator(codes=["cashflows"]).start()
		cls.addClassCleanup(cls.simulator.close)
		cls.count = 0

	def setUp(self):
		self.simulator.reset()
		self.provider = self.simulator.providers["cashflows"]
		self.provider.wrong_hashes = 0
		self.simulator.configure("cashflows", **self.provider.defaults)
		type(self).count += 1
		self.reference = f"CF{self.count:06d}"
		self.tokens = Tokens()
		self.network = Recorder()
		self.gateway = self.adapter()

	def adapter(self, **secrets):
		session = requests.Session()
		session.trust_env = False
		session.mount("http://", self.network)
		self.addCleanup(session.close)
		return Cashflows(
			secrets={**Cashflows.simulator_secrets, **secrets},
			mode="Simulator",
			http=HttpClient(session),
			tokens=self.tokens,
			base_url=f"{self.simulator.url}/cashflows",
			now=self.simulator.clock.now,
		)

	def request(self, amount="10.00", currency="GBP", **changes):
		values = {
			"reference": self.reference,
			"amount": Decimal(amount),
			"currency": currency,
			"description": "Pro plan, one month",
			"customer": Customer("Asha Example", "asha@example.com"),
			"return_url": RETURN.format(self.reference),
			"cancel_url": RETURN.format(self.reference) + "&cancelled=1",
			"webhook_url": WEBHOOK,
			"idempotency_key": f"{self.reference}-create",
		}
		return PaymentRequest(**{**values, **changes})

	def opened(self, **changes):
		request = self.request(**changes)
		checkout = self.gateway.create(request)
		return PaymentRef(request.reference, request.amount, request.currency, checkout.order_id)

	def paid(self, outcome="success", **changes):
		payment = self.opened(**changes)
		self.simulator.pay("cashflows", payment.reference, outcome=outcome)
		return payment

	def only(self, events):
		self.assertEqual(len(events), 1, events)
		return events[0]

	def status(self, payment):
		return self.only(self.gateway.status(payment))

	def refund_request(self, payment, amount="4.00", key="RF0001", **changes):
		payment_id = self.simulator.charges("cashflows")[-1].payment_id
		return RefundRequest(payment, payment_id, Decimal(amount), payment.currency, key, **changes)

	def webhook(self, delivery):
		return Callback("webhook", "POST", delivery.headers, {"gateway": "cashflows"}, delivery.body)

	def back(self, way):
		query = {name: values[0] for name, values in parse_qs(urlsplit(way.url).query).items()}
		return Callback("return", way.method, {}, query)

	def later(self, **time):
		self.simulator.clock.advance(timedelta(**time).total_seconds())

	def body_of(self, number=-1):
		return json.loads(self.network.sent[number].body)
