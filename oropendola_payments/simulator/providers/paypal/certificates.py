"""A made-up certificate authority that signs simulated webhooks as PayPal does. Its keys are new in every run."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST = "messageverificationcerts.paypal.com"
# Kinds of certificates: `good`, or invalid in one way.
KINDS = ("good", "expired", "foreign", "other_name")


@dataclass(frozen=True)
class Signer:
	"""A key that signs webhooks, with its certificate."""

	key: rsa.RSAPrivateKey
	certificate: x509.Certificate

	@property
	def name(self) -> str:
		return "CERT-" + self.certificate.fingerprint(hashes.SHA256()).hex()[:24]

	def sign(self, message: bytes) -> bytes:
		return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())

	def has_signed(self, signature: bytes, message: bytes) -> bool:
		# An RSA PKCS#1 v1.5 signature is deterministic, so it can be compared with a new one.
		return self.sign(message) == signature

	def pem(self) -> bytes:
		return self.certificate.public_bytes(Encoding.PEM)


def root_pem() -> bytes:
	"""The root certificate that issued every good certificate of this run."""
	return _root("Simulator root, no real money")[1].public_bytes(Encoding.PEM)


@cache
def signer(kind: str = "good") -> Signer:
	"""The signer of this kind; there is one in a run."""
	root_key, root = _root("Another root" if kind == "foreign" else "Simulator root, no real money")
	host = "webhooks.example.com" if kind == "other_name" else HOST
	until = _now() - timedelta(days=1) if kind == "expired" else _now() + timedelta(days=300)
	key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
	builder = _builder(host, root.subject, key.public_key(), until)
	builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
	builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
	issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
	builder = builder.add_extension(issuer_key, critical=False)
	return Signer(key, builder.sign(root_key, hashes.SHA256()))


@cache
def _root(name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
	key = ec.generate_private_key(ec.SECP256R1())
	builder = _builder(name, _name(name), key.public_key(), _now() + timedelta(days=3000))
	builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
	builder = builder.add_extension(_key_usage(), critical=True)
	subject_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
	return key, builder.add_extension(subject_key, critical=False).sign(key, hashes.SHA256())


def _builder(subject: str, issuer: x509.Name, public_key, until: datetime) -> x509.CertificateBuilder:
	builder = x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(issuer)
	builder = builder.public_key(public_key).serial_number(x509.random_serial_number())
	return builder.not_valid_before(_now() - timedelta(days=30)).not_valid_after(until)


def _key_usage() -> x509.KeyUsage:
	others = dict.fromkeys(
		(
			"digital_signature",
			"content_commitment",
			"key_encipherment",
			"data_encipherment",
			"key_agreement",
			"encipher_only",
			"decipher_only",
		),
		False,
	)
	return x509.KeyUsage(key_cert_sign=True, crl_sign=True, **others)


def _name(text: str) -> x509.Name:
	return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _now() -> datetime:
	return datetime.now(timezone.utc)
