"""The case that all tests of Razorpay share, and messages that are signed as Razorpay signs them."""

import hashlib
import hmac
import json

from oropendola_payments.gateways.base import Callback
from oropendola_payments.gateways.razorpay.adapter import Razorpay
from oropendola_payments.tests.support.adapter_case import AdapterCase

SECRET = Razorpay.simulator_secrets["webhook_secret"]


def sign(body: bytes, secret: str = SECRET) -> str:
	return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def webhook(body: bytes, signature: str | None = None, event_id: str = "Evt0000000001") -> Callback:
	headers = {"x-razorpay-event-id": event_id, "X-Razorpay-Signature": signature or sign(body)}
	return Callback("webhook", "POST", headers, {"gateway": "razorpay"}, body)


def event_body(name="payment.captured", **payment) -> bytes:
	entity = {"id": "pay_1", "order_id": "order_1", "amount": 100, "currency": "INR", "status": "captured"}
	return json.dumps({"event": name, "payload": {"payment": {"entity": {**entity, **payment}}}}).encode()


def returned(order_id: str, payment_id: str, signature: str) -> Callback:
	form = {
		"razorpay_order_id": order_id,
		"razorpay_payment_id": payment_id,
		"razorpay_signature": signature,
	}
	return Callback("return", "POST", {}, {"gateway": "razorpay", "attempt": "RZ000001"}, b"", form)


class RazorpayCase(AdapterCase):
	gateway_class = Razorpay
	prefix = "RZ"
