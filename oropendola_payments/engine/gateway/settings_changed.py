"""Follow a change of a gateway's keys or mode. Called from `doc_events` in hooks.py."""

from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	PaymentGatewaySettings,
)
from oropendola_payments.engine.gateway.call import forget_success
from oropendola_payments.engine.gateway.live_guard import confirm_if_first


def settings_saved(settings: PaymentGatewaySettings, method: str | None = None) -> None:
	if cint(settings.enabled) and settings.mode == "Live":
		confirm_if_first()
	if settings.keys_or_mode_changed():
		forget_success(settings.gateway)
