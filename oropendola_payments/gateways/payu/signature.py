"""PayU's SHA-512 hashes: https://docs.payu.in/docs/hashing-request-and-response

Every hash joins its parts with a pipe and escapes nothing, so no part may contain a pipe.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha512

from oropendola_payments.gateways.errors import CredentialsRefused
from oropendola_payments.gateways.signing import is_one_of

REQUEST = (
	"key",
	"txnid",
	"amount",
	"productinfo",
	"firstname",
	"email",
	"udf1",
	"udf2",
	"udf3",
	"udf4",
	"udf5",
)
RESPONSE = tuple(reversed(REQUEST))
CHARGES = ("additionalCharges", "additional_charges")  # PayU spells it both ways
DISPUTE = ("txn_id", "cb_amount", "cb_id", "cb_type", "cb_status")


def merchant_salt(secrets: Mapping[str, str]) -> str:
	"""The salt that signs what is sent; CredentialsRefused when key or salt is missing."""
	salt = secrets.get("key_secret", "")
	if not secrets.get("key_id") or not _is_salt(salt):
		raise CredentialsRefused("PayU has no Merchant Key or no Merchant Salt. Please fill them in.")
	return salt


def accepted_salts(salts: Iterable[str]) -> list[str]:
	"""Those with which incoming messages may be signed."""
	return [salt for salt in salts if _is_salt(salt)]


def request_hash(fields: Mapping[str, str], salt: str) -> str:
	"""The hash of a form for the pay page; five udf values always count, empty or not."""
	parts = [*_values(fields, REQUEST), *[""] * 5, salt]
	parts += [fields[name] for name in ("additional_charges", "splitRequest") if fields.get(name)]
	return digest(parts)


def command_hash(key: str, command: str, var1: str, salt: str) -> str:
	"""The hash of a call to the General API, in which only the first of its variables counts."""
	return digest((key, command, var1, salt))


def response_hashes(fields: Mapping[str, str], salt: str) -> list[str]:
	"""Every hash that PayU may have made of these fields: with its fee, with split settlement, or plain."""
	tail = ["", "", "", "", "", *_values(fields, RESPONSE)]
	plain = [salt, fields.get("status", "")]
	bodies = [[*plain, *tail]]
	if fields.get("splitInfo"):
		bodies.append([*plain, fields["splitInfo"], *tail])
	charges = [[fields[name]] for name in CHARGES if fields.get(name)]
	return [digest([*charge, *body]) for body in bodies for charge in [[], *charges]]


def is_signed(fields: Mapping[str, str], salts: Sequence[str]) -> bool:
	"""Whether the reverse hash of a return or webhook is right under one of the salts."""
	hashed = [*_values(fields, RESPONSE), fields.get("status", ""), fields.get("splitInfo", "")]
	hashed += _values(fields, CHARGES)
	if not all(_is_part(value) for value in hashed):
		return False
	return is_one_of(
		fields.get("hash", "").lower(), (h for salt in salts for h in response_hashes(fields, salt))
	)


def is_signed_dispute(fields: Mapping[str, str], received: str, key: str, salts: Sequence[str]) -> bool:
	"""Whether a dispute's signature header is right; `cb_status` is signed as it is or without its spaces."""
	parts = _values(fields, DISPUTE)
	if not all(_is_part(value) for value in parts):
		return False
	squeezed = [*parts[:-1], parts[-1].replace(" ", "")]
	return is_one_of(received.lower(), (digest((key, *p, salt)) for salt in salts for p in (parts, squeezed)))


def digest(parts: Iterable[str]) -> str:
	"""SHA-512 of the parts, joined by pipes."""
	return sha512("|".join(parts).encode()).hexdigest()


def _values(fields: Mapping[str, str], names: Iterable[str]) -> list[str]:
	return [fields.get(name, "") for name in names]


def _is_part(value: str) -> bool:
	# A pipe would move the borders between the parts; half a character cannot be hashed at all.
	return "|" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def _is_salt(value: str) -> bool:
	# Asterisks are a password field that was read the wrong way: anybody could sign with them.
	return bool(value.strip("*"))
