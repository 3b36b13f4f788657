"""The case that all tests of Cashflows share."""

import json
from urllib.parse import parse_qs, urlsplit

from oropendola_payments.gateways.base import Callback, Notice, PaymentRef, RefundRequest
from oropendola_payments.gateways.cashflows.adapter import Cashflows
from oropendola_payments.tests.support.adapter_case import AdapterCase


class CashflowsCase(AdapterCase):
	gateway_class = Cashflows
	prefix = "CF"
	amount = "10.00"
	currency = "GBP"

	def setUp(self):
		super().setUp()
		self.provider.wrong_hashes = 0

	def paid(self, outcome: str = "success", **changes) -> PaymentRef:
		payment = self.open(**changes)
		self.simulator.pay("cashflows", payment.reference, outcome=outcome)
		return payment

	def make_refund(self, payment: PaymentRef, amount: str = "4.00", **values) -> RefundRequest:
		"""A refund of the newest payment."""
		return super().make_refund(
			payment, self.simulator.charges("cashflows")[-1].payment_id, amount, **values
		)

	def next_notice(self) -> Notice:
		return self.gateway.receive(self.webhook(self.simulator.webhooks.pop()))

	def returned(self, way) -> Callback:
		"""The request of the payer's browser when it comes back."""
		query = {name: values[0] for name, values in parse_qs(urlsplit(way.url).query).items()}
		return Callback("return", way.method, {}, query)

	def sent_body(self, number: int = -1) -> dict:
		return json.loads(self.network.sent[number].body)
