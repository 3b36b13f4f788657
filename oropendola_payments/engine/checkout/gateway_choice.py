"""The gateways that a customer can choose, and the recommended one."""

from decimal import Decimal

from frappe import _

from oropendola_payments.ai_billing.formatting import money
from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.engine.gateway.enabled import enabled_gateways
from oropendola_payments.engine.gateway.live_guard import is_confirmed
from oropendola_payments.engine.gateway.registry import settings_of
from oropendola_payments.engine.gateway.simulated import mock_marks
from oropendola_payments.exceptions import BadRequest, Unavailable


def available(currency: str | None = None, amount: Decimal | None = None) -> dict:
	"""Return the enabled and configured gateways, and for each whether it accepts `currency` and `amount`."""
	entries = [_entry(row, currency, amount) for row in enabled_gateways()]
	usable = [entry for entry in entries if entry["available"]]
	recommended = _recommended(usable)
	for entry in entries:
		entry["recommended"] = entry is recommended
	return {"gateways": entries, "default": recommended["id"] if recommended else None}


def choose(code: str | None, currency: str, amount: Decimal | None = None) -> str:
	"""Return the requested gateway if it accepts this currency and amount; without a request, the recommended one."""
	listing = available(currency, amount)
	if not code:
		if not listing["default"]:
			message = _("Payments in {0} are not available at the moment. Please contact us.")
			raise Unavailable(message.format(currency))
		return listing["default"]
	entry = next((e for e in listing["gateways"] if e["id"] == code), None)
	if not entry:
		known = ", ".join(e["id"] for e in listing["gateways"] if e["available"])
		raise BadRequest(
			_("The gateway {0} is not available. Please choose one of: {1}.").format(code, known or "-")
		)
	if not entry["available"]:
		raise BadRequest(_refusal_message(entry, currency, amount))
	return code


def _refusal_message(entry: dict, currency: str, amount: Decimal | None) -> str:
	least = _minimum(entry["id"], currency)
	if least and amount is not None and amount < least:
		message = _("{0} accepts payments of {1} or more. Please choose another way to pay.")
		return message.format(entry["name"], money(least, currency))
	return _("{0} does not accept {1}. Please choose another way to pay.").format(entry["name"], currency)


def _minimum(code: str, currency: str | None) -> Decimal | None:
	return adapter_class(code).capabilities.minimum.get((currency or "").upper())


def _entry(row: dict, currency: str | None, amount: Decimal | None) -> dict:
	capabilities = adapter_class(row["id"]).capabilities
	taken = capabilities.currencies
	ready = row["mode"] != "Live" or is_confirmed()
	takes = not currency or taken is None or currency.upper() in taken
	least = _minimum(row["id"], currency)
	return {
		**row,
		"available": ready and takes and (amount is None or not least or amount >= least),
		"degraded": settings_of(row["id"]).is_degraded(),
		"methods": list(capabilities.methods),
		"direct_methods": list(capabilities.direct_methods),
		"currencies": sorted(taken) if taken is not None else None,
		"flows": list(capabilities.flows),
		**mock_marks(row["mode"]),
	}


def _recommended(usable: list[dict]) -> dict | None:
	healthy = [entry for entry in usable if not entry["degraded"]] or usable
	return next((e for e in healthy if e["is_default"]), healthy[0] if healthy else None)


def label_of(code: str) -> str:
	"""The gateway's name as customers see it."""
	ours = {"manual": _("Bank transfer or cash"), "credit": _("Credit balance")}
	return ours.get(code) or settings_of(code).label
