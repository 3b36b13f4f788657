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
		"""The key in clear, made now and shown this once. None when it was shown before."""
		key = make_key()
		values = {"key_prefix": key[:SHOWN_LENGTH], "key_hash": hash_key(key), "revealed": 1}
		# Of two pages that ask at once, the one that changes the row may show its key.
		return key if self._update_row(values, only_if={"revealed": 0}) else None

	def give_back(self) -> None:
		"""Undo a suspension. A key that was rotated or cancelled away stays revoked."""
		self.write(status="Active", suspended=0)


def make_key() -> str:
	"""A new secret key: prefix, random part, checksum. Only its hash is stored."""
	body = "".join(secrets.choice(ALPHABET) for _i in range(RANDOM_LENGTH))
	return f"{PREFIX}{body}{_checksum(body)}"


def is_well_formed(key: str) -> bool:
	"""Tells a typo or a cut key without asking the database."""
	if not isinstance(key, str) or not key.isascii() or not key.startswith(PREFIX):
		return False
	body, checksum = key[len(PREFIX) : -CHECKSUM_LENGTH], key[-CHECKSUM_LENGTH:]
	return len(body) == RANDOM_LENGTH and checksum == _checksum(body)


def hash_key(key: str) -> str:
	return hashlib.sha256(key.encode()).hexdigest()


def new_api_key(subscription: "AISubscription", revealed: bool) -> tuple["AIAPIKey", str]:
	"""The stored record and the key in clear. Unless it is `revealed` now, `reveal` makes the one that the customer sees."""
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
