"""Phone numbers: E.164 format, and the number in a user's profile."""

import frappe
import phonenumbers
from frappe import _

from oropendola_payments.exceptions import BadRequest


def phone_of(user: str) -> str:
	"""Return the phone in the user's profile as it was entered, or an empty string."""
	return next(filter(None, frappe.db.get_value("User", user, ["mobile_no", "phone"]) or ()), "")


def keep_phone(user: str, text: str | None) -> None:
	"""Store a phone number in E.164 format, in `phone`: unlike `mobile_no` it is no login name and need not be unique."""
	if text:
		frappe.db.set_value("User", user, "phone", phone_number(text))


def phone_number(text: str, region: str = "IN") -> str:
	"""Return the number in E.164 format, so that rate limits apply however it is entered."""
	try:
		number = phonenumbers.parse(text, region)
	except phonenumbers.NumberParseException:
		number = None
	if not number or not phonenumbers.is_valid_number(number):
		raise BadRequest(
			_(
				"This is not a valid phone number. Please enter it with the country code, such as +91 98765 43210."
			)
		)
	return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def masked_phone(phone: str) -> str:
	return f"{'*' * max(0, len(phone) - 3)}{phone[-3:]}"
