"""Registry: build gateway adapters with their credentials, HTTP session and token cache."""

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.current import current, current_rows
from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	PaymentGatewaySettings,
)
from oropendola_payments.ai_billing.known_gateways import (
	adapter_class,
	gateway_of,
	suffix_of,
	unknown_gateway,
)
from oropendola_payments.ai_billing.sealed import seal, unseal
from oropendola_payments.engine.gateway.live_guard import require_confirmed
from oropendola_payments.exceptions import Unavailable
from oropendola_payments.gateways.base import Gateway
from oropendola_payments.gateways.http import HttpClient

SETTINGS = "Payment Gateway Settings"
# The credentials in which the simulated accounts of one gateway differ.
OWN = ("key_id", "key_secret", "webhook_id", "webhook_secret")
DEFAULT_SIMULATOR = "http://127.0.0.1:8900"


def settings_of(code: str) -> PaymentGatewaySettings:
	"""Return the settings record of a gateway, from the shared cache."""
	name = next((row.name for row in current_rows(SETTINGS) if row.gateway == code), None)
	if not name or not gateway_of(code):
		raise unknown_gateway(code)
	return current(SETTINGS, name)


def adapter_of(
	code: str, *, for_new_payment: bool = False, timeout: tuple[float, float] | None = None
) -> Gateway:
	"""Return an adapter. A disabled gateway still gets one, for status queries and refunds of old payments.

	`timeout` is the seconds to connect and to read, for callers that must answer quickly.
	"""
	settings = settings_of(code)
	if for_new_payment and not (cint(settings.enabled) and settings.is_configured()):
		raise Unavailable(
			_("{0} is not available at the moment. Please choose another way to pay.").format(settings.label)
		)
	return build(settings, timeout)


def build(settings: PaymentGatewaySettings, timeout: tuple[float, float] | None = None) -> Gateway:
	if settings.mode == "Live":
		require_confirmed(settings.label)
	if settings.mode == "Simulator" and not cint(frappe.conf.get("allow_payment_simulator")):
		raise Unavailable(
			_("{0} is in Simulator mode, which is no longer allowed on this site.").format(settings.label)
		)
	return build_offline(settings, timeout)


def build_offline(settings: PaymentGatewaySettings, timeout: tuple[float, float] | None = None) -> Gateway:
	"""Return an adapter for uses without network calls, so without the checks of `build`."""
	cls = adapter_class(settings.gateway)
	return cls(
		secrets=_secrets(settings, cls),
		mode=settings.mode,
		http=HttpClient(timeout=timeout) if timeout else HttpClient(),
		tokens=SiteTokens(f"{settings.gateway}:{settings.mode}"),
		base_url=_base_url(settings),
	)


def missing_credentials(settings: PaymentGatewaySettings) -> list[str]:
	"""Return the labels of credentials that are not filled in. The simulator needs none."""
	cls = adapter_class(settings.gateway)
	return cls.missing_credentials(_secrets(settings, cls))


def simulator_url() -> str:
	return (frappe.conf.get("payment_simulator_url") or DEFAULT_SIMULATOR).rstrip("/")


def _secrets(settings: PaymentGatewaySettings, cls: type[Gateway]) -> dict[str, str]:
	"""The stored credentials. The simulator has its own, whatever is stored for the other modes: real keys never reach it, and its
	webhooks are signed with what it knows."""
	if settings.mode != "Simulator":
		return settings.get_secrets()
	suffix = suffix_of(settings.gateway)
	return {slot: text + suffix if slot in OWN else text for slot, text in cls.simulator_secrets.items()}


def _base_url(settings: PaymentGatewaySettings) -> str | None:
	if settings.mode == "Live":
		return None
	if settings.api_base_url:
		return settings.api_base_url
	return f"{simulator_url()}/{settings.gateway}" if settings.mode == "Simulator" else None


class SiteTokens:
	"""Token cache in Redis, shared by all workers of the site. Values are encrypted."""

	def __init__(self, prefix: str) -> None:
		self.prefix = f"oropendola_token:{prefix}"

	def get(self, key: str) -> str | None:
		return unseal(frappe.cache.get_value(f"{self.prefix}:{key}", expires=True))

	def set(self, key: str, value: str, seconds: int) -> None:
		frappe.cache.set_value(f"{self.prefix}:{key}", seal(value), expires_in_sec=max(1, int(seconds)))

	def delete(self, key: str) -> None:
		frappe.cache.delete_value(f"{self.prefix}:{key}")
