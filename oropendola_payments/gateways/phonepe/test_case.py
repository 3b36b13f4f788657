"""The case that all tests of PhonePe share."""

from oropendola_payments.gateways.base import (
	Callback,
)
from oropendola_payments.gateways.phonepe.adapter import PhonePe
from oropendola_payments.tests.support.adapter_case import NamedReferenceCase

NEW = dict(PhonePe.simulator_secrets)
SALT = "22222222-3333-4444-8555-666666666666"
LEGACY = {"legacy_id": "SIMMERCHANT", "legacy_secret": SALT, "legacy_version": "1"}
HMAC_KEY = "demo-webhook-secret-key"
WITH_HMAC = {**NEW, "webhook_id": "", "webhook_secret": HMAC_KEY}


def webhook(body: bytes, **headers: str) -> Callback:
	named = {name.replace("_", "-"): value for name, value in headers.items()}
	return Callback("webhook", "POST", named, {"gateway": "phonepe"}, body)


class PhonePeCase(NamedReferenceCase):
	gateway_class = PhonePe
	prefix = "PH"
	amount = "1499.00"

	def gateway_with(self, secrets: dict[str, str]) -> PhonePe:
		"""An adapter with these secrets alone."""
		gateway = self.make_gateway()
		gateway.secrets = {name: value for name, value in secrets.items() if value}
		return gateway
