import hashlib
import re
import secrets
from typing import TYPE_CHECKING, Any

import frappe
from frappe.utils import cint, get_datetime, now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.records import SystemRecord

if TYPE_CHECKING:
	from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 random bytes


class AIPaymentLink(SystemRecord):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		channel: DF.Literal["Copy", "Email", "SMS"]
		expires_at: DF.Datetime
		invoice: DF.Link
		last_used_on: DF.Datetime | None
		made_by: DF.Link | None
		note: DF.Data | None
		opens: DF.Int
		paid_with: DF.Link | None
		revoked: DF.Check
		revoked_by: DF.Link | None
		revoked_on: DF.Datetime | None
		step: DF.Data | None
		token_hash: DF.Data | None
		user: DF.Link
	# end: auto-generated types

	system_fields = (
		"invoice",
		"user",
		"note",
		"expires_at",
		"paid_with",
		"opens",
		"last_used_on",
		"channel",
		"step",
		"made_by",
		"revoked",
		"revoked_on",
		"revoked_by",
		"token_hash",
	)

	def is_usable(self) -> bool:
		return not cint(self.revoked) and get_datetime(self.expires_at) > now_datetime()

	def revoke(self) -> bool:
		"""Return False if it was revoked before. Of two requests, the first is the one that is recorded."""
		values = {"revoked": 1, "revoked_on": now_datetime(), "revoked_by": frappe.session.user}
		return self._update_row(values, only_if={"revoked": 0})

	def count_use(self) -> None:
		self.write(opens=cint(self.opens) + 1, last_used_on=now_datetime())


def make_token() -> str:
	"""Return a new secret token. Only its hash is stored."""
	return secrets.token_urlsafe(32)


def is_well_formed(token: object) -> bool:
	"""Return whether this can be a token, which needs no query."""
	return isinstance(token, str) and bool(TOKEN.fullmatch(token))


def hash_token(token: str) -> str:
	return hashlib.sha256(token.encode()).hexdigest()


def new_payment_link(invoice: "AIInvoice", token: str, **values: Any) -> AIPaymentLink:
	"""Insert a link to pay this invoice."""
	link = records.new("AI Payment Link")
	link.update(
		{
			"invoice": invoice.name,
			"user": invoice.user,
			"token_hash": hash_token(token),
			"opens": 0,
			"revoked": 0,
			**values,
		}
	)
	link.add()
	return link
