"""Cashfree's signatures: base64 HMAC-SHA256 on webhooks, and the optional two-factor signature of calls.

https://www.cashfree.com/docs/payments/online/webhooks/signature-verification
"""

import base64
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from oropendola_payments.gateways.base import Callback
from oropendola_payments.gateways.errors import CredentialsRefused, SignatureError
from oropendola_payments.gateways.signing import hmac_sha256, is_one_of

if TYPE_CHECKING:
	from Crypto.PublicKey import RSA

# Retries reach over hours, and whether they carry a new timestamp is not documented.
MAX_AGE = timedelta(hours=24)
MAX_AHEAD = timedelta(minutes=15)
MAX_SIGNATURE = 200


def check_signature(callback: Callback, secrets: list[str], now: datetime) -> None:
	"""Raise SignatureError unless one of the secrets signed the raw body, and not too long ago."""
	timestamp, received = callback.header("x-webhook-timestamp"), callback.header("x-webhook-signature")
	if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 14):
		raise SignatureError("Cashfree's webhook has no timestamp in milliseconds.")
	message = timestamp.encode() + callback.body
	expected = [base64.b64encode(hmac_sha256(secret, message)).decode() for secret in secrets]
	if not is_one_of(received[:MAX_SIGNATURE], expected):
		raise SignatureError(
			"Cashfree's webhook does not match its signature. Please check the Client Secret."
		)
	sent = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=int(timestamp))
	if not now - MAX_AGE <= sent <= now + MAX_AHEAD:
		raise SignatureError("Cashfree's webhook is too old, or this server's clock is wrong.")


def two_factor_headers(secrets: Mapping[str, str], now: datetime) -> dict[str, str]:
	"""What accounts without a fixed address send: client id and time, sealed with Cashfree's public key."""
	if not secrets.get("public_key"):
		return {}
	from Crypto.Cipher import PKCS1_OAEP

	try:
		cipher = PKCS1_OAEP.new(_public_key(secrets["public_key"]))
		stamp = f"{secrets.get('key_id', '')}.{int(now.timestamp())}"
		return {"x-cf-signature": base64.b64encode(cipher.encrypt(stamp.encode())).decode()}
	except (ValueError, IndexError) as error:
		raise CredentialsRefused("Cashfree's Public Key cannot be read. Please paste it again.") from error


def is_public_key(text: str) -> bool:
	"""Whether a credential can be read as Cashfree's public key."""
	try:
		return not _public_key(text).has_private()
	except (ValueError, IndexError):
		return False


def _public_key(text: str) -> "RSA.RsaKey":
	"""The key of a .pem file, also when a form field swallowed its line breaks."""
	from Crypto.PublicKey import RSA

	return RSA.import_key(base64.b64decode(re.sub(r"-----[A-Z ]+-----|\\n|\s", "", text)))
