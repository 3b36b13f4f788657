"""The cases that all tests of Stripe share, and events that are signed as Stripe signs them."""

import hashlib
import hmac
import json
from datetime import datetime, timezone

from oropendola_payments.gateways.base import Callback
from oropendola_payments.gateways.stripe.adapter import Stripe
from oropendola_payments.tests.support.adapter_case import AdapterCase

SECRET = Stripe.simulator_secrets["webhook_secret"]
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def sign(body: bytes, secret: str = SECRET, time: int | None = None) -> str:
	time = int(NOW.timestamp()) if time is None else time
	digest = hmac.new(secret.encode(), str(time).encode() + b"." + body, hashlib.sha256).hexdigest()
	return f"t={time},v1={digest}"


def webhook(body: bytes, header: str | None = None) -> Callback:
	headers = {"stripe-signature": sign(body) if header is None else header}
	return Callback("webhook", "POST", headers, {"gateway": "stripe"}, body)


def event_body(name="checkout.session.completed", entity=None, **values) -> bytes:
	entity = {"id": "cs_test_1", "client_reference_id": "ST1"} if entity is None else entity
	event = {"id": "evt_1", "object": "event", "type": name, "livemode": False, "data": {"object": entity}}
	return json.dumps({**event, **values}).encode()


class StripeCase(AdapterCase):
	gateway_class = Stripe
	prefix = "ST"

	def sent(self) -> dict:
		"""What the last create call sent to Stripe."""
		return self.simulator.order("stripe", self.reference).fields["params"]


class AtNow(StripeCase):
	"""The adapter's clock stands still at NOW."""

	def make_gateway(self, *options, **secrets) -> Stripe:
		gateway = super().make_gateway(*options, **secrets)
		gateway.now = lambda: NOW
		return gateway
