"""Runs one test over the adapters of all gateways, each beside its simulated provider."""

import unittest
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from functools import wraps
from typing import Any

from oropendola_payments.gateways import BUILT_IN, load
from oropendola_payments.gateways.base import (
	Checkout,
	Gateway,
	Outcome,
	PaymentEvent,
	PaymentRef,
	PaymentRequest,
	RefundRequest,
)
from oropendola_payments.gateways.http import HttpClient
from oropendola_payments.simulator import Simulator
from oropendola_payments.tests.support.adapter_case import CUSTOMER, TokenStore
from oropendola_payments.tests.support.gateway_events import currency_of

AMOUNT = Decimal("499.50")
AMOUNT_MINOR = 49950
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def over_every_adapter(test: Callable[..., None]) -> Callable[..., None]:
	"""Runs the test once for each gateway, at a provider without orders."""

	@wraps(test)
	def run(self):
		for code, path in BUILT_IN.items():
			with self.subTest(gateway=code):
				self.simulator.reset()
				test(self, code, load(path))

	return run


class ContractCase(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.simulator = Simulator().start()
		cls.addClassCleanup(cls.simulator.close)

	def build(self, cls: type[Gateway], base_url: str | None = None, **secrets: str) -> Gateway:
		return cls(
			secrets={**cls.simulator_secrets, **secrets},
			mode="Simulator",
			http=HttpClient(timeout=(2, 5)),
			tokens=TokenStore(),
			base_url=base_url or f"{self.simulator.url}/{cls.code}",
		)

	number = 0

	def request(self, code: str) -> PaymentRequest:
		ContractCase.number += 1
		reference = "CONTRACT" + "".join(ALPHABET[int(d)] for d in f"{self.number:06d}")
		back = f"http://site.example/return?gateway={code}&attempt={reference}"
		return PaymentRequest(
			reference=reference,
			amount=AMOUNT,
			currency=currency_of(code),
			description="Starter plan",
			customer=CUSTOMER,
			return_url=back,
			cancel_url=f"{back}&cancelled=1",
			webhook_url=f"http://site.example/hook?gateway={code}",
			idempotency_key=f"key-{reference}",
		)

	def ref(self, request: PaymentRequest, opened: Checkout | None = None) -> PaymentRef:
		return PaymentRef(
			request.reference,
			request.amount,
			request.currency,
			order_id=opened and opened.order_id,
			data=dict(opened.data) if opened else {},
			created_at=datetime.now(timezone.utc),
		)

	def visit(self, opened: Checkout) -> None:
		"""The customer's browser opens the page of the checkout."""
		if opened.form:
			self.simulator.open(opened.form.action, opened.form.fields)
		elif opened.url:
			self.simulator.open(opened.url)

	def paid(self, adapter: Gateway, request: PaymentRequest) -> tuple[Checkout, PaymentEvent]:
		opened = adapter.create(request)
		self.visit(opened)
		self.simulator.pay(adapter.code, request.reference)
		return opened, self.captured(adapter, self.ref(request, opened))

	def captured(self, adapter: Gateway, ref: PaymentRef) -> PaymentEvent:
		"""What the gateway took, after a capture where it only reserved."""
		event = next(e for e in adapter.status(ref) if e.outcome in (Outcome.PAID, Outcome.AUTHORIZED))
		return adapter.capture(ref, event, "capture-key") if event.outcome is Outcome.AUTHORIZED else event

	def refund_request(
		self,
		request: PaymentRequest,
		opened: Checkout,
		event: PaymentEvent,
		amount: Decimal = AMOUNT,
		**values: Any,
	) -> RefundRequest:
		return RefundRequest(
			payment=self.ref(request, opened),
			payment_id=event.payment_id,
			amount=amount,
			currency=request.currency,
			captured_amount=AMOUNT,
			webhook_url=request.webhook_url,
			**{"key": f"RF{request.reference[-10:]}", "reason": "A test", **values},
		)
