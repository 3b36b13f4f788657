"""The gateways of this site: ours, and those that other apps add with the hook `payment_gateways`."""

import frappe
from frappe import _

from oropendola_payments.exceptions import NotFound
from oropendola_payments.gateways import BUILT_IN, load
from oropendola_payments.gateways.base import Gateway


def gateway_codes() -> list[str]:
	return list(_paths())


def adapter_class(code: str) -> type[Gateway]:
	path = _paths().get(code or "")
	if not path:
		raise unknown_gateway(code)
	return load(path)


def unknown_gateway(code: str | None) -> NotFound:
	return NotFound(_("There is no gateway {0}.").format(code) if code else _("Please name a gateway."))


def _paths() -> dict[str, str]:
	"""Return the paths of adapter classes by code. Other apps set payment_gateways = ["their_app.gateways.SomeClass"]."""
	paths = dict(BUILT_IN)
	for path in frappe.get_hooks("payment_gateways") or []:
		paths[load(path).code] = path
	return paths
