"""Checks the headers of PhonePe's webhooks, which the dashboard lets one choose: a constant SHA-256, or an HMAC of the body."""

import hashlib

from oropendola_payments.gateways.base import Callback, Gateway
from oropendola_payments.gateways.errors import SignatureError
from oropendola_payments.gateways.signing import hmac_sha256, is_one_of

MAX_SIGNATURE = 200


def check_signature(callback: Callback, gateway: Gateway) -> None:
	"""Raise SignatureError unless the present secret, or the previous one, made the header."""
	secrets, user = gateway.secrets_in_use("webhook_secret"), gateway.secrets.get("webhook_id")
	if user:
		received = callback.header("Authorization")
		expected = [hashlib.sha256(f"{user}:{secret}".encode()).hexdigest() for secret in secrets]
	else:
		received = callback.header("x-phonepe-checksum-signature")
		expected = [hmac_sha256(secret, callback.body).hex() for secret in secrets]
	if not is_one_of(received[:MAX_SIGNATURE], expected):
		raise SignatureError("PhonePe's webhook does not match the webhook credentials. Please check them.")
