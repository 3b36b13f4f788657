"""The gateways of this site: ours, and those that other apps add with the hook `payment_gateways`.

A gateway may have several accounts, one for each company that sells. The code of the first is the gateway's own, such as razorpay;
that of another account is the gateway's with a suffix, such as razorpay_acme. Records and addresses name the account by its code.
"""

import re
from contextlib import suppress

import frappe
from frappe import _

from oropendola_payments.ai_billing.current import current_rows
from oropendola_payments.exceptions import NotFound
from oropendola_payments.gateways import BUILT_IN, load
from oropendola_payments.gateways.base import Gateway

SETTINGS = "Payment Gateway Settings"
SUFFIX = re.compile(r"_[a-z0-9]{1,20}", re.ASCII)


def gateway_codes() -> list[str]:
	"""Return the gateways that there are, without their further accounts."""
	return list(_paths())


def is_known(code: str | None) -> bool:
	"""Return whether there is this gateway, or this account of one. Not after its app was uninstalled."""
	if code in _paths():
		return True
	return bool(gateway_of(code)) and any(row.gateway == code for row in current_rows(SETTINGS))


def gateway_of(code: str | None) -> str | None:
	"""Return the gateway of an account, such as razorpay for razorpay_acme; None for one that is not there."""
	paths = _paths()
	if not code or code in paths:
		return code or None
	return next((known for known in paths if _is_account_of(known, code)), None)


def suffix_of(code: str) -> str:
	"""Return what tells an account from the first one of its gateway: acme for razorpay_acme."""
	return code.removeprefix(gateway_of(code) or code).removeprefix("_")


def adapter_class(code: str) -> type[Gateway]:
	gateway = gateway_of(code)
	if not gateway:
		raise unknown_gateway(code)
	return load(_paths()[gateway])


def unknown_gateway(code: str | None) -> NotFound:
	return NotFound(_("There is no gateway {0}.").format(code) if code else _("Please name a gateway."))


def _is_account_of(gateway: str, code: str) -> bool:
	return code.startswith(gateway) and bool(SUFFIX.fullmatch(code[len(gateway) :]))


def _paths() -> dict[str, str]:
	"""Return the paths of adapter classes by code. Other apps set payment_gateways = ["their_app.gateways.SomeClass"].

	One that cannot be loaded is left out, as if its app were uninstalled: payments through all others go on.
	"""
	paths = dict(BUILT_IN)
	for path in _paths_of_other_apps():
		with suppress(Exception):  # an alert says so
			paths[load(path).code] = path
	return paths


def not_loaded() -> dict[str, str]:
	"""Return why an adapter of another app cannot be loaded, by its path."""
	problems = {}
	for path in _paths_of_other_apps():
		try:
			load(path)
		except Exception as error:
			problems[path] = f"{type(error).__name__}: {error}"
	return problems


def _paths_of_other_apps() -> list[str]:
	return frappe.get_hooks("payment_gateways") or []
