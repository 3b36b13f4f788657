"""Cashflows' request hash, and the shared secret of our own for its webhooks.

https://developer.cashflows.com/integration_guides/gateway_integration.html
"""

import hashlib

from oropendola_payments.gateways.errors import SignatureError
from oropendola_payments.gateways.signing import hmac_sha256, is_one_of


def request_hash(api_key: str, content: bytes) -> str:
	"""SHA-512 of the API key and then the very bytes that are sent. Not an HMAC, and not body before key."""
	return hashlib.sha512(api_key.encode() + content).hexdigest().upper()


def check_own_signature(body: bytes, received: str, secrets: list[str]) -> None:
	"""Raise SignatureError unless a proxy of ours signed the webhook; Cashflows itself signs nothing."""
	expected = [hmac_sha256(secret, body).hex() for secret in secrets]
	if not is_one_of(received[:200].lower(), expected):
		raise SignatureError("The X-Signature header does not match the webhook.")
