"""Work in other apps is done as a service user, never as the payer or whoever happened to bring the news."""

from collections.abc import Iterator
from contextlib import contextmanager

import frappe

from oropendola_payments.ai_billing.current import payment_settings

DEFAULT = "Administrator"


@contextmanager
def as_service_user() -> Iterator[None]:
	"""Run as the user of Payment Settings, and as before afterwards."""
	before = frappe.session.user
	frappe.set_user(payment_settings().erpnext_user or DEFAULT)
	try:
		yield
	finally:
		frappe.set_user(before)
