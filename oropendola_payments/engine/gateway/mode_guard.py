"""Test, Live and Simulator are different accounts: none may decide about a payment of another."""

import frappe
from frappe import _

from oropendola_payments.engine.gateway.registry import settings_of


def is_current_mode(attempt) -> bool:
	"""False while the gateway's settings are in another mode than when the attempt was opened."""
	return attempt.mode == "Manual" or attempt.mode == settings_of(attempt.gateway).mode


def other_mode_of(attempt: str) -> str | None:
	"""The mode in which this payment was taken, while its gateway is set to another one."""
	gateway, mode = frappe.db.get_value("Payment Attempt", attempt, ["gateway", "mode"])
	return None if mode == "Manual" or mode == settings_of(gateway).mode else mode


def other_mode_message(mode: str) -> str:
	return _(
		"The payment was taken in {0} mode. Its refund waits until the gateway is set to that mode."
	).format(_(mode))
