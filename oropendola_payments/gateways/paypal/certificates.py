"""Which certificates prove that PayPal signed something: https://developer.paypal.com/api/rest/webhooks/rest/

The address of the certificate comes from a header that anybody can write. So it is checked before it is fetched, and
the certificate itself is trusted only when it is PayPal's and a known root vouches for it.
"""

import re
from contextlib import suppress
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from requests.utils import DEFAULT_CA_BUNDLE_PATH

MAX_CERTIFICATE_BYTES = 100_000
MAX_ADDRESS = 300
# No userinfo, port, query, fragment or backslash can pass, so every parser reads the same host.
PAYPAL_ADDRESS = re.compile(r"https://((?:[a-z0-9-]+\.)+paypal\.com)/[A-Za-z0-9/._~-]+", re.ASCII)
PEM_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
ADDRESS_PATH = re.compile(r"/[A-Za-z0-9/._~-]+", re.ASCII)


class UnusableCertificate(Exception):
	"""The certificate proves nothing: unreadable, out of date, not PayPal's, or not vouched for by a known root."""


def is_paypal_address(url: str, mode: str) -> bool:
	"""Whether a certificate may be fetched from there: https, a host of PayPal, and in Live not the sandbox."""
	match = PAYPAL_ADDRESS.fullmatch(url) if len(url) <= MAX_ADDRESS else None
	return match is not None and not (mode == "Live" and ".sandbox." in match[1])


def is_below(url: str, base_url: str | None) -> bool:
	"""Whether the address lies on the simulator that was configured."""
	if not base_url or len(url) > MAX_ADDRESS or not url.startswith(base_url):
		return False
	return ADDRESS_PATH.fullmatch(url[len(base_url) :]) is not None


@cache
def public_roots() -> tuple[x509.Certificate, ...]:
	"""The roots that `requests` itself trusts for https."""
	bundle = Path(DEFAULT_CA_BUNDLE_PATH).read_bytes()
	roots = []
	for block in PEM_BLOCK.findall(bundle):
		# One odd root in the bundle must not hide the others.
		with suppress(ValueError):
			roots.append(x509.load_pem_x509_certificate(block))
	return tuple(roots)


def read_certificates(pem: bytes) -> list[x509.Certificate]:
	"""The certificate and those sent along with it, first things first."""
	if len(pem) > MAX_CERTIFICATE_BYTES:
		raise UnusableCertificate("The certificate is too long.")
	try:
		return x509.load_pem_x509_certificates(pem)
	except ValueError:
		raise UnusableCertificate("The certificate cannot be read.") from None


def trusted_key(
	certificates: list[x509.Certificate], roots: list[x509.Certificate], now: datetime
) -> tuple[str, int]:
	"""The public key (PEM) of PayPal's certificate and for how many seconds it stays valid."""
	leaf = certificates[0]
	moment = now.astimezone(timezone.utc).replace(tzinfo=None)
	try:
		verifier = PolicyBuilder().store(Store(roots)).time(moment).build_server_verifier(_paypal_name(leaf))
		verifier.verify(leaf, certificates[1:])
	except (VerificationError, ValueError):
		raise UnusableCertificate("The certificate is not signed by a known root.") from None
	key = leaf.public_key()
	if not isinstance(key, RSAPublicKey):
		raise UnusableCertificate("The certificate has no RSA key.")
	pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
	return pem, int((leaf.not_valid_after_utc.replace(tzinfo=None) - moment).total_seconds())


def _paypal_name(leaf: x509.Certificate) -> x509.DNSName:
	try:
		names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
	except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
		raise UnusableCertificate("The certificate does not name a host.") from None
	for name in names.get_values_for_type(x509.DNSName):
		if name.lower().endswith(".paypal.com") and "*" not in name:
			return x509.DNSName(name)
	raise UnusableCertificate("The certificate is not PayPal's.")
