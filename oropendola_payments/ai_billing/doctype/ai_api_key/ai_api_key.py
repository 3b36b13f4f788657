import hashlib
import secrets
import zlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

import frappe
from frappe.query_builder import Case
from frappe.utils import get_datetime, now, now_datetime

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

		allowed_keys: DF.Int
		key_hash: DF.Data | None
		key_name: DF.Data | None
		key_prefix: DF.Data | None
		last_used_on: DF.Date | None
		replaced_by: DF.Link | None
		revealed: DF.Check
		status: DF.Literal["Active", "Retiring", "Revoked"]
		subscription: DF.Link
		suspended: DF.Check
		user: DF.Link
		valid_until: DF.Datetime | None
	# end: auto-generated types

	system_fields = (
		"status",
		"key_name",
		"key_prefix",
		"key_hash",
		"last_used_on",
		"valid_until",
		"replaced_by",
		"suspended",
		"revealed",
		"allowed_keys",
	)

	def revoke(self, **values: Any) -> None:
		"""End the key for good."""
		self.write(status="Revoked", suspended=0, **values)
		_renew(self.subscription)

	def retire(self, replaced_by: str, valid_until: datetime) -> None:
		"""Let the key work until then, beside the one that replaces it."""
		self.write(status="Retiring", valid_until=valid_until, replaced_by=replaced_by)
		_renew(self.subscription)

	def works_at(self, moment: datetime) -> bool:
		"""Return whether the key works then. The time decides, whether or not a job has ended the key."""
		return self.status == "Active" or (
			self.status == "Retiring" and get_datetime(self.valid_until) > moment
		)

	def reveal(self) -> str | None:
		"""Generate the key that the customer sees and return it in plain text. None if one was shown before."""
		key = make_key()
		values = {"key_prefix": key[:SHOWN_LENGTH], "key_hash": hash_key(key), "revealed": 1}
		# Of two concurrent requests only the one that updates the row may show its key.
		return key if self._update_row(values, only_if={"revealed": 0}) else None


# All keys of a subscription: the caller holds its lock ----------------------------------------------


def suspend_keys(subscription: str) -> None:
	"""Put all keys of a subscription without service to sleep."""
	_update_keys(subscription, ("Active", "Retiring"), status="Revoked", suspended=1)


def revoke_keys(subscription: str) -> None:
	"""End all keys for good, sleeping ones too."""
	_update_keys(subscription, ("Active", "Retiring", "Revoked"), status="Revoked", suspended=0)


def restore_keys(subscription: str) -> str | None:
	"""Wake the sleeping keys and return the oldest that works on. None if there is none.

	A key that was being replaced works again only until its time; an overlap that has run out is not given back.
	"""
	filters = {"subscription": subscription, "suspended": 1}
	rows = frappe.get_all("AI API Key", filters, ["name", "valid_until"], order_by="creation, name")
	if rows:
		key = frappe.qb.DocType("AI API Key")
		status = Case().when(key.valid_until.isnull(), "Active")
		status = status.when(key.valid_until > now_datetime(), "Retiring").else_("Revoked")
		query = frappe.qb.update(key).set(key.status, status).set(key.suspended, 0).set(key.modified, now())
		query.where(key.subscription == subscription).where(key.suspended == 1).run()
	return next((row.name for row in rows if not row.valid_until), None)


def _update_keys(subscription: str, statuses: tuple[str, ...], **values: Any) -> None:
	key = frappe.qb.DocType("AI API Key")
	query = frappe.qb.update(key).set(key.modified, now())
	for column, value in values.items():
		query = query.set(key[column], value)
	query.where(key.subscription == subscription).where(key.status.isin(statuses)).run()
	_renew(subscription)


def _renew(subscription: str) -> None:
	"""Renew what `engine.metering.known_keys` compares, so that no process goes on with a key as it was."""
	row = frappe.qb.DocType("AI Subscription")
	frappe.qb.update(row).set(row.modified, now()).where(row.name == subscription).run()


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


def new_api_key(
	subscription: "AISubscription", revealed: bool, name: str | None = None
) -> tuple["AIAPIKey", str]:
	"""Insert an API key and return it with the plain text. Unless it is `revealed` now, `reveal` later generates the one shown."""
	key = make_key()
	doc = records.new("AI API Key")
	doc.update(
		{
			"subscription": subscription.name,
			"user": subscription.user,
			"status": "Active",
			"key_name": name,
			"allowed_keys": subscription.get_plan().key_limit(),
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
