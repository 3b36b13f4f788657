"""By what a customer is recognised: the email address without its aliases, and a confirmed phone number."""

import unicodedata
from dataclasses import dataclass

import frappe

from oropendola_payments.engine.core import signing
from oropendola_payments.engine.phone import numbers
from oropendola_payments.exceptions import BadRequest

# Providers that ignore dots in the name, and the address that is meant.
WITHOUT_DOTS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}


@dataclass(frozen=True)
class Identity:
	kind: str  # Email, Phone
	value: str
	hint: str

	def key(self, plan: str | None) -> str:
		"""Return the hash that stands for this person's trial of a plan, or of any. Without the site's secret it cannot be guessed."""
		return signing.sign("trial", self.kind, self.value, plan or "")


def identities(user: str, phone: str | None = None) -> list[Identity]:
	"""Return all by which the customer is recognised, in a fixed order, in which their claims are locked. `phone` is confirmed."""
	addresses = {mailbox(text) for text in (user, frappe.db.get_value("User", user, "email")) if text}
	emails = [Identity("Email", text, _masked(text)) for text in sorted(filter(None, addresses))]
	phones = sorted(filter(None, {phone, _confirmed_phone(user)}))
	return [*emails, *(Identity("Phone", number, numbers.masked_phone(number)) for number in phones)]


def mailbox(address: str) -> str:
	"""Return the mailbox behind an address: lowercase, without a +tag, without dots where the provider ignores them. Empty for no address."""
	name, at, domain = unicodedata.normalize("NFKC", address).strip().lower().rpartition("@")
	name, domain = name.split("+", 1)[0], _ascii(domain.rstrip("."))
	if not at or not name or not domain:
		return ""
	if domain in WITHOUT_DOTS:
		name, domain = name.replace(".", ""), WITHOUT_DOTS[domain]
	return f"{name}@{domain}"


def _ascii(domain: str) -> str:
	try:
		return domain.encode("idna").decode()
	except UnicodeError:
		return domain


def _confirmed_phone(user: str) -> str | None:
	"""Return the number in the profile if the customer confirmed a code sent to it. Anybody can type in another's number."""
	confirmed = frappe.db.exists("Payment Attempt", {"user": user, "phone_check": "Confirmed"})
	phone = confirmed and numbers.phone_of(user)
	try:
		return numbers.phone_number(phone) if phone else None
	except BadRequest:
		return None


def _masked(address: str) -> str:
	name, _at, domain = address.rpartition("@")
	return f"{name[0]}***@{domain}"
