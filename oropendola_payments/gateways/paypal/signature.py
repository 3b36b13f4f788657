"""Checks who signed a PayPal webhook: https://developer.paypal.com/api/rest/webhooks/rest/"""

import base64
import hashlib
import json
import re
import zlib
from dataclasses import asdict, dataclass

from Crypto.Hash import SHA256
from Crypto.PublicKey import RSA
from Crypto.Signature import pkcs1_15
from cryptography import x509

from oropendola_payments.gateways.base import Callback, Gateway
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayError,
	GatewayRefused,
	MaybeSent,
	NotSent,
	SignatureError,
)
from oropendola_payments.gateways.parsing import parse_object
from oropendola_payments.gateways.paypal.certificates import (
	UnusableCertificate,
	is_below,
	is_paypal_address,
	public_roots,
	read_certificates,
	trusted_key,
)
from oropendola_payments.gateways.paypal.client import LABEL, Client

CERTIFICATE_SECONDS = 24 * 3600
# What the headers of a webhook look like; nothing else is even looked at.
SHAPES = {
	"transmission_id": r"[A-Za-z0-9-]{1,64}",
	"transmission_time": r"[0-9A-Za-z:.+-]{1,40}",
	"transmission_sig": r"[A-Za-z0-9+/]{1,1400}={0,2}",
	"cert_url": r"[\x21-\x7e]{1,300}",
	"auth_algo": r"SHA256withRSA",
}


@dataclass(frozen=True)
class Transmission:
	"""The headers PAYPAL-TRANSMISSION-ID and so on, under the names that PayPal's own check wants."""

	transmission_id: str
	transmission_time: str
	transmission_sig: str
	cert_url: str
	auth_algo: str

	@classmethod
	def of(cls, callback: Callback) -> "Transmission":
		"""The headers of a webhook, or SignatureError when one of them is missing or odd."""
		found = cls(**{name: callback.header("PAYPAL-" + name.upper().replace("_", "-")) for name in SHAPES})
		for name, value in asdict(found).items():
			if not re.fullmatch(SHAPES[name], value, re.ASCII):
				raise SignatureError(f"PayPal's header {name} is missing or malformed.")
		return found

	def signed_message(self, webhook_id: str, body: bytes) -> bytes:
		return f"{self.transmission_id}|{self.transmission_time}|{webhook_id}|{zlib.crc32(body)}".encode()

	def is_signed(self, public_key: str, webhook_id: str, body: bytes) -> bool:
		"""RSA PKCS#1 v1.5 with SHA-256 over the message's ids and the CRC32 of its bytes."""
		digest = SHA256.new(self.signed_message(webhook_id, body))
		try:
			signature = base64.b64decode(self.transmission_sig, validate=True)
			pkcs1_15.new(RSA.import_key(public_key)).verify(digest, signature)
		except ValueError:
			return False
		return True


def check_signature(callback: Callback, gateway: Gateway) -> None:
	"""Raise SignatureError unless PayPal signed the webhook for our Webhook ID."""
	transmission = Transmission.of(callback)
	if not _may_fetch(transmission.cert_url, gateway):
		raise SignatureError("The certificate of the signature is not at PayPal's address.")
	webhook_id = gateway.secrets.get("webhook_id")
	if not webhook_id:
		raise SignatureError("PayPal webhooks cannot be checked without the Webhook ID.")
	key = _key_at(transmission.cert_url, gateway)
	if key is None:
		_check_at_paypal(transmission, webhook_id, callback.body, Client(gateway))
	elif not transmission.is_signed(key, webhook_id, callback.body):
		raise SignatureError("PayPal's signature does not match the message.")


def accepted_roots(gateway: Gateway) -> list[x509.Certificate]:
	"""Who may vouch for a certificate: the public roots; only in Simulator mode the simulator's own."""
	if gateway.mode == "Simulator":
		return read_certificates(_fetch(f"{gateway.base_url}/simulator-root.pem", gateway))
	return list(public_roots())


def _may_fetch(url: str, gateway: Gateway) -> bool:
	if gateway.mode == "Simulator":
		return is_below(url, gateway.base_url)
	return is_paypal_address(url, gateway.mode)


def _key_at(url: str, gateway: Gateway) -> str | None:
	"""The key in a trusted certificate, kept for a day; None when PayPal has to check the signature itself."""
	name = f"paypal:certificate:{gateway.mode}:{hashlib.sha256(url.encode()).hexdigest()}"
	known = gateway.tokens.get(name)
	if known:
		return known
	try:
		chain = read_certificates(_fetch(url, gateway))
		key, seconds = trusted_key(chain, accepted_roots(gateway), gateway.now())
	except (GatewayError, UnusableCertificate):
		return None
	gateway.tokens.set(name, key, min(seconds, CERTIFICATE_SECONDS))
	return key


def _fetch(url: str, gateway: Gateway) -> bytes:
	return gateway.http.call("GET", url, label=LABEL, ok=(200,)).content


def _check_at_paypal(transmission: Transmission, webhook_id: str, body: bytes, client: Client) -> None:
	"""Let PayPal check its own signature over the very bytes that came in."""
	try:
		# A body that is more than one JSON value could bring its own webhook_id along.
		parse_object(body, LABEL)
	except BadAnswer:
		raise SignatureError("The message is not JSON, so PayPal cannot verify it.") from None
	rest = json.dumps({**asdict(transmission), "webhook_id": webhook_id}).encode()
	try:
		answer = client.verify_webhook_signature(b'{"webhook_event":' + body + b"," + rest[1:])
	except CredentialsRefused as error:
		raise NotSent("PayPal rejects our keys, so its message cannot be verified at the moment.") from error
	except GatewayRefused:
		raise SignatureError("PayPal does not recognise the signature.") from None
	except (MaybeSent, BadAnswer) as error:
		raise NotSent("PayPal cannot verify its signature at the moment.") from error
	if answer.get("verification_status") != "SUCCESS":
		raise SignatureError("PayPal does not recognise the message.")
