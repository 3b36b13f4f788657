"""The gateways that a customer can choose, and the recommended one."""

from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	PaymentGatewaySettings,
)
from oropendola_payments.ai_billing.formatting import money
from oropendola_payments.ai_billing.known_gateways import adapter_class, gateway_of, is_known
from oropendola_payments.engine.gateway.enabled import enabled_gateways
from oropendola_payments.engine.gateway.live_guard import is_confirmed
from oropendola_payments.engine.gateway.registry import SETTINGS, settings_of
from oropendola_payments.engine.gateway.simulated import mock_marks
from oropendola_payments.engine.routing.recommend import recommend
from oropendola_payments.exceptions import BadRequest, Unavailable


def available(
	currency: str | None = None,
	amount: Decimal | None = None,
	method: str | None = None,
	account: str | None = None,
) -> dict:
	"""Return the enabled and configured gateways, and for each whether it accepts `currency`, `amount` and `method`.

	While every gateway that fits has problems none is recommended, and `default` is the first of them.
	"""
	entries = entries_for(currency, amount, method, account)
	recommended = recommend(entries, currency, method).code
	for entry in entries:
		entry["recommended"] = entry["id"] == recommended
	return {"gateways": entries, "default": recommended or _last_resort(entries)}


def available_for(invoice: AIInvoice) -> dict:
	"""As `available`, for what is outstanding on an invoice, with the accounts that may take its money."""
	return available(invoice.currency, invoice.outstanding(), account=invoice.requested_gateway)


def entries_for(
	currency: str | None, amount: Decimal | None, method: str | None = None, account: str | None = None
) -> list[dict]:
	return [_entry(row, currency, amount, method) for row in enabled_gateways(account)]


def choose(
	code: str | None,
	currency: str,
	amount: Decimal | None = None,
	method: str | None = None,
	account: str | None = None,
) -> str:
	"""Return the requested gateway if it accepts this currency and amount; without a request, the recommended one.

	A gateway with several accounts may be requested by its own code; which account takes the money follows from our records.
	"""
	listing = available(currency, amount, None if code else method, account)
	if not code:
		if not listing["default"]:
			message = _("Payments in {0} are not available at the moment. Please contact us.")
			raise Unavailable(message.format(currency))
		return listing["default"]
	entry = next((e for e in listing["gateways"] if code in (e["id"], gateway_of(e["id"]))), None)
	if not entry:
		known = ", ".join(e["id"] for e in listing["gateways"] if e["available"])
		raise BadRequest(
			_("The gateway {0} is not available. Please choose one of: {1}.").format(code, known or "-")
		)
	if not entry["available"]:
		raise BadRequest(_refusal_message(entry, currency, amount))
	return entry["id"]


def _refusal_message(entry: dict, currency: str, amount: Decimal | None) -> str:
	least = _minimum(entry["id"], currency)
	if least and amount is not None and amount < least:
		message = _("{0} accepts payments of {1} or more. Please choose another way to pay.")
		return message.format(entry["name"], money(least, currency))
	if amount is not None and not _has_decimals_for(entry["id"], currency, amount):
		currency = money(amount, currency)
	return _("{0} does not accept {1}. Please choose another way to pay.").format(entry["name"], currency)


def _minimum(code: str, currency: str | None) -> Decimal | None:
	return adapter_class(code).capabilities.minimum.get((currency or "").upper())


def _has_decimals_for(code: str, currency: str | None, amount: Decimal) -> bool:
	"""Return whether a gateway that takes a currency in larger steps than we do can take this amount: PayPal whole TWD, Razorpay 0.01 KWD."""
	adapter, known = adapter_class(code), (currency or "").upper()
	decimals = adapter.amount_decimals.get(known, adapter.exponents.get(known))
	return decimals is None or amount.scaleb(decimals) % 1 == 0


def _entry(row: dict, currency: str | None, amount: Decimal | None, method: str | None) -> dict:
	capabilities = adapter_class(row["id"]).capabilities
	taken = capabilities.currencies
	ready = row["mode"] != "Live" or is_confirmed()
	takes = not currency or taken is None or currency.upper() in taken
	takes = takes and (not method or method in (*capabilities.methods, *capabilities.direct_methods))
	least = _minimum(row["id"], currency)
	fits = amount is None or (amount >= (least or 0) and _has_decimals_for(row["id"], currency, amount))
	return {
		**row,
		"available": ready and takes and fits,
		"degraded": settings_of(row["id"]).is_degraded(),
		"methods": list(capabilities.methods),
		"direct_methods": list(capabilities.direct_methods),
		"currencies": sorted(taken) if taken is not None else None,
		"flows": list(capabilities.flows),
		**mock_marks(row["mode"]),
	}


def _last_resort(entries: list[dict]) -> str | None:
	usable = [entry for entry in entries if entry["available"]]
	return next((e["id"] for e in usable if e["is_default"]), usable[0]["id"] if usable else None)


def explain(currency: str, amount: Decimal | None, method: str | None) -> dict:
	"""Return for each gateway why it is recommended for such a payment, or why not, for the Desk."""
	entries = entries_for(currency, amount, method)
	made = recommend(entries, currency, method)
	reasons = {**_not_enabled({entry["id"] for entry in entries}), **made.reasons}
	rows = [
		{"id": code, "name": settings_of(code).label, "reason": reason} for code, reason in reasons.items()
	]
	return {"recommended": made.code, "gateways": sorted(rows, key=lambda row: row["id"] != made.code)}


def _not_enabled(offered: set[str]) -> dict[str, str]:
	known = frappe.get_all(SETTINGS, pluck="gateway", order_by="sort_order")
	others = [code for code in known if is_known(code) and code not in offered]
	return {code: _not_offered(settings_of(code)) for code in others}


def _not_offered(settings: PaymentGatewaySettings) -> str:
	if cint(settings.enabled) and cint(settings.documents_only):
		return _("It only takes payments of documents that name it.")
	if settings.get_status() == "Test":
		return _("It is in Test mode beside a Live gateway, so only Payments Managers are offered it.")
	return _("It is not offered: {0}.").format(settings.get_status())


def label_of(code: str) -> str:
	"""The gateway's name as customers see it, also if it is no longer installed."""
	ours = {"manual": _("Bank transfer or cash"), "credit": _("Credit balance")}
	if code in ours:
		return ours[code]
	if is_known(code):
		return settings_of(code).label
	return frappe.db.get_value(SETTINGS, {"gateway": code}, "label") or code
