"""What payment services want to know of a customer, in the customer's own profile."""

import frappe

from oropendola_payments.engine.phone import otp


def keep_phone(user: str, text: str | None):
	"""Keep a phone number in E.164 form. It goes to the field that is no log-in name and need not be unique."""
	if text:
		frappe.db.set_value("User", user, "phone", otp.phone_number(text))
