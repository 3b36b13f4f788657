"""Clear caches after a gateway's settings were saved or deleted. Called from `doc_events` in hooks.py."""

import frappe
from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	PaymentGatewaySettings,
)
from oropendola_payments.engine.gateway.call import forget_success
from oropendola_payments.engine.gateway.live_guard import confirm_if_first

LIST_KEY = "oropendola_gateway_list"


def settings_saved(settings: PaymentGatewaySettings, method: str | None = None) -> None:
	if cint(settings.enabled) and settings.mode == "Live":
		confirm_if_first()
	if settings.keys_or_mode_changed():
		forget_success(settings.gateway)
	_clear_list()


def settings_removed(settings: PaymentGatewaySettings, method: str | None = None) -> None:
	_clear_list()


def _clear_list() -> None:
	"""Clear what is cached of all gateways, now and again after the commit, because another request may cache the old rows in between."""
	_delete_list()
	frappe.db.after_commit.add(_delete_list)


def _delete_list() -> None:
	frappe.cache.delete_value(LIST_KEY)
