import hashlib
import secrets
import zlib
from typing import TYPE_CHECKING

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.records import SystemRecord

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.ai_subscription.ai_subscription import AISubscription

PREFIX = "oro_"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM_LENGTH = 43  # 62 ** 43 is just above 2 ** 256: as much as 32 random bytes
CHECKSUM_LENGTH = 6
SHOWN_LENGTH = len(PREFIX) + 8


class AIAPIKey(SystemRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		key_hash: DF.Data | None
		key_prefix: DF.Data | None
		last_used_on: DF.Date | None
		revealed: DF.Check
		status: DF.Literal["Active", "Revoked"]
		subscription: DF.Link
		suspended: DF.Check
		user: DF.Link
	# end: auto-generated types

	system_fields = ("status", "key_prefix", "key_hash", "last_used_on", "suspended", "revealed")

	def revoke(self, suspended: bool = False) -> None:
		self.write(status="Revoked", suspended=int(suspended))

	def reveal(self) -> str | None:
		"""Generate the key that the customer sees and return it in plain text. None if one was shown before."""
		key = make_key()
		values = {"key_prefix": key[:SHOWN_LENGTH], "key_hash": hash_key(key), "revealed": 1}
		# Of two concurrent requests only the one that updates the row may show its key.
		return key if self._update_row(values, only_if={"revealed": 0}) else None

	def reactivate(self) -> None:
		"""Undo a suspension. For suspended keys only: a key revoked by rotation or cancellation stays revoked."""
		self.write(status="Active", suspended=0)


def make_key() -> str:
	"""Return a new secret key: prefix, random part, checksum. Only its hash is stored."""
	body = "".join(secrets.choice(ALPHABET) for _i in range(RANDOM_LENGTH))
	return f"{PREFIX}{body}{_checksum(body)}"


def is_well_formed(key: str) -> bool:
	"""Return whether the checksum is right, which detects a typo or a truncated key without a query."""
	if not isinstance(key, str) or not key.isascii() or not key.startswith(PREFIX):
		return False
	body, checksum = key[len(PREFIX) : -CHECKSUM_LENGTH], key[-CHECKSUM_LENGTH:]
	return len(body) == RANDOM_LENGTH and checksum == _checksum(body)


def hash_key(key: str) -> str:
	return hashlib.sha256(key.encode()).hexdigest()


def new_api_key(subscription: "AISubscription", revealed: bool) -> tuple["AIAPIKey", str]:
	"""Insert an API key and return it with the plain text. Unless it is `revealed` now, `reveal` later generates the one shown."""
	key = make_key()
	doc = records.new("AI API Key")
	doc.update(
		{
			"subscription": subscription.name,
			"user": subscription.user,
			"status": "Active",
			"key_prefix": key[:SHOWN_LENGTH] if revealed else None,
			"key_hash": hash_key(key),
			"revealed": int(revealed),
		}
	)
	doc.add()
	return doc, key


def _checksum(body: str) -> str:
	number = zlib.crc32(body.encode())
	digits = ""
	for _i in range(CHECKSUM_LENGTH):
		number, rest = divmod(number, len(ALPHABET))
		digits = ALPHABET[rest] + digits
	return digits
