"""The proof that a quote is ours and unchanged: a token with the day, the price and the time limit, signed together with its whole content."""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from frappe import _
from frappe.utils import now_datetime
from frappe.utils.password import get_encryption_key

from oropendola_payments.ai_billing.periods import today
from oropendola_payments.exceptions import BadRequest

QUOTE_MINUTES = 15
EPOCH = datetime(2020, 1, 1)


@dataclass(frozen=True)
class Terms:
	"""What a quote was computed with, and until when it can be confirmed."""

	on: date
	currency: str
	price: int  # of a whole period, in minor units
	valid_until: datetime

	def is_over(self) -> bool:
		return self.valid_until < now_datetime()


def fresh_terms(currency: str, price: int) -> Terms:
	until = now_datetime().replace(microsecond=0) + timedelta(minutes=QUOTE_MINUTES)
	return Terms(today(), currency, price, until)


def sign(terms: Terms, content: dict) -> str:
	"""Return the token of a quote with this content."""
	until = int((terms.valid_until - EPOCH).total_seconds())
	head = f"{terms.on:%Y%m%d}.{terms.currency}.{terms.price}.{until}"
	return f"{head}.{_mac(head, content)}"


def read_terms(token: str) -> Terms:
	"""Return the terms of a token. They are to be trusted only after `is_signed`."""
	match = re.fullmatch(r"([0-9]{8})\.([A-Z]{3})\.([0-9]{1,18})\.([0-9]{1,11})\.[0-9a-f]{64}", token)
	try:
		if match:
			day, currency, price, seconds = match.groups()
			until = EPOCH + timedelta(seconds=int(seconds))
			return Terms(datetime.strptime(day, "%Y%m%d").date(), currency, int(price), until)
	except (ValueError, OverflowError):
		pass
	raise BadRequest(_("This is not a quote. Please ask for the price of the change again."))


def is_signed(token: str, content: dict) -> bool:
	"""Return whether the token belongs to exactly this content."""
	head, _dot, mac = token.rpartition(".")
	return hmac.compare_digest(_mac(head, content), mac)


def fingerprint(content: dict) -> str:
	return hashlib.sha256(_text(content)).hexdigest()


def _mac(head: str, content: dict) -> str:
	key = hashlib.sha256(b"oropendola-plan-change|" + get_encryption_key().encode()).digest()
	return hmac.new(key, head.encode() + b"|" + _text(content), hashlib.sha256).hexdigest()


def _text(content: dict) -> bytes:
	return json.dumps(content, default=str, sort_keys=True).encode()
