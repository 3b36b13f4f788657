"""One-time codes by SMS, to verify a phone before the gateway is called. A code never marks a payment as paid.

Only a keyed hash is kept, in Redis under a persistent key, until it expires or is used. A try is counted before the code is
compared, by an atomic increment that no rollback can undo. Rate limits for sending and trying are counted in the database.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import cint
from frappe.utils.password import get_encryption_key

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.doctype.payment_settings.payment_settings import PaymentSettings
from oropendola_payments.engine.core.counters import count
from oropendola_payments.engine.phone import sms
from oropendola_payments.engine.phone.numbers import masked_phone
from oropendola_payments.exceptions import TooManyRequests, Unavailable, Unprocessable
from oropendola_payments.money import money_text

MAX_TRIES = 5
SENDS_PER_ADDRESS = (10, 600)
CHECKS_PER_ADDRESS = (20, 600)
MOST_PER_SITE = 300
HOUR = 3600
SIMULATOR_CODE = "123456"


class CodeRefused(Unprocessable):
	"""Has the same text for every reason, so that it reveals nothing to somebody who guesses."""

	error_code = "otp_refused"

	def __init__(self, attempts_left: int | None = None) -> None:
		super().__init__(
			_("This code is wrong, already used or expired. Please check it or request a new one.")
		)
		self.attempts_left = attempts_left


@dataclass(frozen=True)
class Binding:
	"""What a code is valid for. If any part changes, the code is no longer valid."""

	purpose: str
	reference: str
	amount: Decimal
	currency: str
	phone: str  # E.164

	def text(self) -> str:
		return "|".join(
			(self.purpose, self.reference, money_text(self.amount, self.currency), self.currency, self.phone)
		)


def send(bound: Binding, simulated: bool) -> dict:
	"""Send a new code, which invalidates the previous one. Only a simulated code is part of the answer."""
	settings = payment_settings()
	code = SIMULATOR_CODE if simulated else f"{secrets.randbelow(10**6):06d}"
	text = _sms_text(bound, code, settings)
	if not simulated:
		sms.require_ready()
	_limit_sending(bound, settings)
	minutes = cint(settings.otp_expiry_minutes) or 10
	_keep(bound, code, minutes * 60)
	if not simulated:
		sms.send(bound.phone, text)
	answer = {"otp_sent": True, "otp_expires_in_minutes": minutes, "phone": masked_phone(bound.phone)}
	return {**answer, "test_otp": code} if simulated else answer


def check(bound: Binding, code: str) -> None:
	"""Check and use up a code. Raises CodeRefused unless it is right and unused."""
	_limit("checks", _address(), *CHECKS_PER_ADDRESS)
	raw = frappe.cache.get(_key(bound))
	if not raw:
		raise CodeRefused
	kept = json.loads(raw)
	tries = _count_try(bound, kept["seconds"])
	if tries > MAX_TRIES:
		raise CodeRefused(0)
	if not hmac.compare_digest(_digest(bound, code, kept["salt"]), kept["digest"]):
		raise CodeRefused(MAX_TRIES - tries)
	# Of two concurrent requests with the right code only the one that deletes it may continue.
	if not frappe.cache.delete(_key(bound)):
		raise CodeRefused


def is_waiting(bound: Binding) -> bool:
	"""Return whether a code was sent for this binding and is still valid."""
	tries = cint(frappe.cache.get(_key(bound, "tries")) or 0)
	return tries < MAX_TRIES and bool(frappe.cache.get(_key(bound)))


# Storage ------------------------------------------------------------------------------------------


def _keep(bound: Binding, code: str, seconds: int) -> None:
	salt = secrets.token_hex(16)
	kept = {"salt": salt, "digest": _digest(bound, code, salt), "seconds": seconds}
	frappe.cache.delete(_key(bound, "tries"))
	frappe.cache.setex(_key(bound), seconds, json.dumps(kept))


def _digest(bound: Binding, code: str, salt: str) -> str:
	key = hashlib.sha256(b"oropendola-otp|" + get_encryption_key().encode()).digest()
	return hmac.new(key, f"{salt}|{bound.text()}|{code}".encode(), hashlib.sha256).hexdigest()


def _key(bound: Binding, suffix: str = "code") -> bytes:
	about = hashlib.sha256(bound.text().encode()).hexdigest()[:32]
	return frappe.cache.make_key(f"oropendola_otp:{about}:{suffix}")


def _count_try(bound: Binding, seconds: int) -> int:
	key = _key(bound, "tries")
	# Set the expiry first, so that a crash after this line leaves no counter that blocks for ever.
	frappe.cache.set(key, 0, ex=seconds, nx=True)
	return int(frappe.cache.incrby(key, 1))


# Limits -------------------------------------------------------------------------------------------


def _limit_sending(bound: Binding, settings: PaymentSettings) -> None:
	_limit("sends", _address(), *SENDS_PER_ADDRESS)
	_limit("pause", bound.phone, 1, cint(settings.otp_resend_seconds) or 60)
	_limit("phone", bound.phone, cint(settings.otp_per_phone_hour) or 3, HOUR)
	_limit("site", "all", most_per_site(settings), HOUR)


def most_per_site(settings: PaymentSettings) -> int:
	"""Return how many text messages the site sends an hour, of each kind."""
	return cint(settings.otp_per_site_hour) or MOST_PER_SITE


def _limit(kind: str, whose: str, most: int, seconds: int) -> None:
	"""Count, and raise TooManyRequests above the limit. The message names this limit and its remaining time, and nothing about other users."""
	number, left = count(f"otp:{kind}", whose, seconds)
	if number > most:
		raise TooManyRequests(_refused(kind, left))


def _refused(kind: str, seconds: int) -> str:
	minutes = -(-seconds // 60)
	return {
		"pause": _("A code has just been sent. Please wait {0} seconds before you request another one."),
		"phone": _("Too many codes were requested for this phone number. Please try again in {1} minutes."),
		"sends": _("Too many codes were requested from your network. Please try again in {1} minutes."),
		"checks": _("Too many codes were entered from your network. Please try again in {1} minutes."),
		"site": _("We cannot send more codes at the moment. Please try again in {1} minutes."),
	}[kind].format(seconds, minutes)


def _address() -> str:
	return getattr(frappe.local, "request_ip", None) or "unknown"


# Wording ------------------------------------------------------------------------------------------


def _sms_text(bound: Binding, code: str, settings: PaymentSettings) -> str:
	amount = f"{bound.currency} {money_text(bound.amount, bound.currency)}"
	try:
		return settings.otp_text(code, amount)
	except ValueError:
		raise Unavailable(
			_(
				"Codes cannot be sent because the text of the SMS in Payment Settings is not valid. An administrator can correct it."
			)
		) from None
