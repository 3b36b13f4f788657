"""The case that all tests of Cashfree share, and messages that are signed as Cashfree signs them."""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timezone

from oropendola_payments.gateways.base import Callback, Checkout
from oropendola_payments.gateways.cashfree.adapter import Cashfree
from oropendola_payments.tests.support.adapter_case import NamedReferenceCase

SECRETS = dict(Cashfree.simulator_secrets)


def signed(
	body: bytes, at: datetime | None = None, secret: str = SECRETS["key_secret"], **headers
) -> Callback:
	stamp = str(int((at or datetime.now(timezone.utc)).timestamp() * 1000))
	mac = base64.b64encode(hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()).decode()
	named = {"x-webhook-timestamp": stamp, "x-webhook-signature": mac, **headers}
	return Callback("webhook", "POST", named, {"gateway": "cashfree"}, body)


def message(kind: str, **data) -> bytes:
	return json.dumps({"type": kind, "event_time": "2026-01-01T10:00:00+05:30", "data": data}).encode()


class CashfreeCase(NamedReferenceCase):
	gateway_class = Cashfree
	prefix = "CF"
	amount = "1499.00"

	def create(self, reference: str, **values) -> Checkout:
		return self.gateway.create(self.request(reference, **values))

	def stop_the_clock(self) -> None:
		"""Repeated calls are the same to the byte: an order says when it ends, to the second."""
		now = self.simulator.clock.now()
		self.gateway.now = lambda: now
