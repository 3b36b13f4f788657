"""What the tests of all gateways share: one adapter beside its simulated provider, over real HTTP."""

import unittest
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

import requests

from oropendola_payments.gateways.base import (
	Callback,
	Customer,
	Gateway,
	Notice,
	Outcome,
	PaymentEvent,
	PaymentRef,
	PaymentRequest,
	RefundRequest,
)
from oropendola_payments.gateways.errors import MalformedNotice, SignatureError
from oropendola_payments.gateways.http import HttpClient
from oropendola_payments.simulator import Simulator
from oropendola_payments.tests.support import proofs  # noqa: F401  sets how many examples property tests try

SITE = "https://shop.example.com"
CUSTOMER = Customer("Asha Example", "asha@example.com", "+919876543210")


class TokenStore(dict):
	"""The token cache of a host, and for how long each token was to be kept."""

	def __init__(self):
		super().__init__()
		self.seconds: list[int] = []

	def set(self, key: str, value: str, seconds: int) -> None:
		assert seconds > 0
		self[key] = value
		self.seconds.append(seconds)

	def delete(self, key: str) -> None:
		self.pop(key, None)


class Network(requests.adapters.HTTPAdapter):
	"""The real network; it remembers the requests that went over it and their time-outs."""

	def __init__(self):
		super().__init__()
		self.sent: list[requests.PreparedRequest] = []
		self.timeouts: list[Any] = []

	def send(self, request, **options):
		self.sent.append(request)
		self.timeouts.append(options["timeout"])
		return super().send(request, **options)


class AdapterCase(unittest.TestCase):
	"""Sets up the adapter of `gateway_class` for each test; every test has a reference of its own."""

	gateway_class: ClassVar[type[Gateway]]
	prefix: ClassVar[str]
	amount = "1499.50"
	currency = "INR"
	secrets: ClassVar[dict[str, str] | None] = None  # instead of the simulator's own

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.code = cls.gateway_class.code
		cls.simulator = Simulator(codes=[cls.code]).start()
		cls.addClassCleanup(cls.simulator.close)
		cls.count = 0

	def setUp(self):
		super().setUp()
		self.simulator.reset()
		self.provider = self.simulator.providers[self.code]
		self.configure(**self.provider.defaults)
		type(self).count += 1
		self.reference = f"{self.prefix}{self.count:06d}"
		self.tokens = TokenStore()
		self.network = Network()
		self.session = requests.Session()
		self.session.trust_env = False
		self.session.mount("http://", self.network)
		self.addCleanup(self.session.close)
		self.gateway = self.make_gateway()

	def make_gateway(self, mode: str = "Simulator", *, base_url: str | None = None, **secrets: str):
		"""An adapter with these secrets instead of, or besides, the usual ones; beside the simulator in its mode only."""
		simulated = f"{self.simulator.url}/{self.code}" if mode == "Simulator" else None
		usual = self.gateway_class.simulator_secrets if self.secrets is None else self.secrets
		return self.gateway_class(
			secrets={**usual, **secrets},
			mode=mode,
			http=HttpClient(self.session),
			tokens=self.tokens,
			base_url=base_url or simulated,
			now=self.simulator.clock.now,
		)

	# What the engine hands over -------------------------------------------------------------------

	def make_request(
		self, amount: str | None = None, currency: str | None = None, **values: Any
	) -> PaymentRequest:
		reference = values.get("reference", self.reference)
		usual = {
			"reference": reference,
			"description": "Pro plan, one month",
			"customer": CUSTOMER,
			"return_url": self.return_url(reference),
			"cancel_url": f"{self.return_url(reference)}&cancelled=1",
			"webhook_url": f"{SITE}/hook?gateway={self.code}",
			"idempotency_key": f"create-{reference}",
			"invoice": "INV-0001",
		}
		return PaymentRequest(
			amount=Decimal(amount or self.amount), currency=currency or self.currency, **{**usual, **values}
		)

	def return_url(self, reference: str | None = None) -> str:
		return f"{SITE}/returned?gateway={self.code}&attempt={reference or self.reference}"

	def make_ref(self, reference: str | None = None, **values: Any) -> PaymentRef:
		usual = {"amount": Decimal(self.amount), "currency": self.currency}
		return PaymentRef(reference or self.reference, **{**usual, **values})

	def make_refund(
		self,
		payment: PaymentRef,
		event: PaymentEvent | str,
		amount: str = "100.00",
		key: str = "RF0001",
		**values: Any,
	) -> RefundRequest:
		"""A refund of the payment in an event, or of the one with this payment id."""
		payment_id = event if isinstance(event, str) else event.payment_id
		values = {"webhook_url": f"{SITE}/hook?gateway={self.code}", **values}
		return RefundRequest(payment, payment_id, Decimal(amount), payment.currency, key, **values)

	# What happens at the provider -----------------------------------------------------------------

	def open(self, amount: str | None = None, currency: str | None = None, **values: Any) -> PaymentRef:
		"""A payment that was created, and whose page the customer opened."""
		request = self.make_request(amount, currency, **values)
		checkout = self.gateway.create(request)
		if checkout.form:
			self.assertEqual(self.simulator.open(checkout.form.action, checkout.form.fields).status, 200)
		return PaymentRef(
			request.reference, request.amount, request.currency, checkout.order_id, data=checkout.data
		)

	def pay(
		self, amount: str | None = None, currency: str | None = None, **choices: str
	) -> tuple[PaymentRef, PaymentEvent]:
		"""A payment that a customer went through, and the one event that a status query gives."""
		payment = self.open(amount, currency)
		self.simulator.pay(self.code, payment.reference, **choices)
		return payment, self.status(payment)

	def configure(self, **values: Any) -> None:
		"""Settings of the provider until the test ends."""
		self.simulator.configure(self.code, **values)

	def fault(self, call: str, kind: str, **values: Any) -> None:
		self.simulator.faults.add(self.code, call, kind, **values)

	def later(self, **time: float) -> None:
		"""Time passes, for the provider and for the adapter."""
		self.simulator.clock.advance(timedelta(**time).total_seconds())

	# What came of it ------------------------------------------------------------------------------

	def status(self, payment: PaymentRef | None = None) -> Any:
		return self.only(self.gateway.status(payment or self.make_ref()))

	def charged(self) -> list[int]:
		"""What the provider took, in minor units."""
		return [charge.amount_minor for charge in self.simulator.captures(self.code)]

	def refunded(self) -> list[int]:
		"""What the provider sent back, in minor units."""
		return [refund.amount_minor for refund in self.simulator.refunds(self.code)]

	def deliveries(self) -> list[Callback]:
		"""The webhooks that wait for delivery, oldest first."""
		return [self.webhook(delivery) for delivery in self.simulator.webhooks.take(self.code)]

	def webhook(self, delivery: Any) -> Callback:
		return Callback("webhook", "POST", delivery.headers, {"gateway": self.code}, delivery.body)

	def notices(self) -> list[Notice]:
		"""What the webhooks that wait say, oldest first."""
		return [self.gateway.receive(callback) for callback in self.deliveries()]

	def receive_any(self, callback: Callback) -> Notice | None:
		"""Whatever comes in is refused, malformed, or a notice that can be stored; never another exception."""
		try:
			notice = self.gateway.receive(callback)
		except (SignatureError, MalformedNotice):
			return None
		self.assertLessEqual(len(notice.event_key or ""), 140)
		for values in (notice, *notice.events):
			str(vars(values)).encode()  # a lone surrogate would break every database
		for event in notice.events:
			if getattr(event, "outcome", None) in (Outcome.PAID, Outcome.AUTHORIZED):
				self.assertTrue(event.payment_id and event.amount is not None and event.currency, event)
		return notice

	def only(self, events: Sequence[Any]) -> Any:
		self.assertEqual(len(events), 1, events)
		return events[0]


class NamedReferenceCase(AdapterCase):
	"""For tests with several payments, which name their references themselves."""

	def request(self, reference: str, amount: str | None = None, **values: Any) -> PaymentRequest:
		return self.make_request(amount, reference=reference, **values)

	def ref(self, reference: str, **values: Any) -> PaymentRef:
		return self.make_ref(reference, **values)

	def refund_of(
		self, reference: str, payment_id: str = "", amount: str | None = None, key: str = "RF1", **values: Any
	) -> RefundRequest:
		return self.make_refund(self.ref(reference), payment_id, amount or self.amount, key, **values)

	def paid(self, reference: str, **values: Any) -> str:
		"""The id of a payment that a customer made."""
		self.gateway.create(self.request(reference, **values))
		self.simulator.pay(self.code, reference)
		return self.status_of(reference).payment_id

	def status_of(self, reference: str) -> PaymentEvent:
		return self.status(self.ref(reference))

	def last_notice(self) -> Notice:
		return self.notices()[-1]
