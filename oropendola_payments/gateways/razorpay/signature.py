"""Checks Razorpay's signatures: https://razorpay.com/docs/webhooks/validate-test"""

from collections.abc import Iterable

from oropendola_payments.gateways.errors import SignatureError
from oropendola_payments.gateways.signing import hmac_sha256, is_one_of


def check_signature(message: bytes, signature: str, secrets: Iterable[str]) -> None:
	"""Raise SignatureError unless one of the secrets signed these bytes."""
	if not is_one_of(signature, (hmac_sha256(secret, message).hex() for secret in secrets)):
		raise SignatureError("The Razorpay signature is missing or wrong.")
