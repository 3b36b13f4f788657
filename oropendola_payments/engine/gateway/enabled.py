"""The gateways that customers may be offered, and the smallest payment that one of them accepts."""

from decimal import Decimal

import frappe
from frappe.utils import cint

from oropendola_payments.ai_billing.current import are_newest, cached
from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	simulator_allowed,
)
from oropendola_payments.ai_billing.known_gateways import adapter_class, is_known
from oropendola_payments.engine.gateway.registry import SETTINGS
from oropendola_payments.roles import is_manager

OFFERED = ("id", "name", "mode", "is_default")


def enabled_gateways(account: str | None = None) -> list[dict]:
	"""Return the enabled and configured gateways: id, name, mode and is_default.

	Those that sell plans and credits, or only the account that a document names. No browser chooses between accounts.
	"""
	rows = [row for row in _enabled() if _may_be_offered(row)]
	if any(row["mode"] == "Live" for row in rows):
		# Never service for nothing beside real money: everybody knows the cards of a test account.
		rows = [row for row in rows if row["mode"] == "Live" or (row["mode"] == "Test" and _may_try_out())]
	chosen = [row for row in rows if (row["id"] == account if account else not row["documents_only"])]
	return [{name: row[name] for name in OFFERED} for row in chosen]


def _may_try_out() -> bool:
	"""Return whether a manager asks. Not for Administrator, as whom jobs work for customers."""
	return frappe.session.user != "Administrator" and is_manager()


def least_payable(currency: str) -> Decimal:
	"""Return the smallest amount that is worth a payment: the lowest minimum that an enabled gateway states for a currency, or 0."""
	minimums = (adapter_class(row["id"]).capabilities.minimum.get(currency) for row in enabled_gateways())
	return min((least for least in minimums if least), default=Decimal(0))


def _enabled() -> list[dict]:
	"""Return the enabled gateways from the shared cache, until a settings record changes."""
	return cached(SETTINGS, "enabled", _read_enabled, lambda value: are_newest(SETTINGS, value["rows"]))[
		"enabled"
	]


def _read_enabled() -> dict:
	"""Return the enabled gateways and the rows that were read to find them."""
	rows = frappe.get_all(SETTINGS, fields=["name", "modified", "enabled"], order_by="sort_order, name")
	docs = [frappe.get_doc(SETTINGS, row.name) for row in rows if row.enabled]
	enabled = [
		{
			"id": doc.gateway,
			"name": doc.label,
			"mode": doc.mode,
			"is_default": cint(doc.is_default),
			"documents_only": cint(doc.documents_only),
		}
		for doc in docs
		if doc.is_configured()
	]
	return {"rows": rows, "enabled": enabled}


def _may_be_offered(row: dict) -> bool:
	"""Check what can change while the list is cached: the site's configuration, and other apps that bring gateways."""
	if not is_known(row["id"]):
		return False
	return row["mode"] != "Simulator" or simulator_allowed()
