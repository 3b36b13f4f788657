"""A site on which a gateway can go Live: its address is https, and no other gateway is in Simulator mode."""

from collections.abc import Iterator
from contextlib import contextmanager

import frappe

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.tests.support.factories import enable_gateway, payment_settings

SETTINGS = "Payment Gateway Settings"
ADDRESS = "https://shop.example"


@contextmanager
def public_address(url: str | None) -> Iterator[None]:
	before = frappe.conf.get("host_name")
	frappe.conf.host_name = url
	try:
		yield
	finally:
		frappe.conf.host_name = before


@contextmanager
def live_site(*kept: str) -> Iterator[None]:
	"""All gateways but those with the codes `kept` are disabled meanwhile."""
	filters = {"enabled": 1, "gateway": ("not in", [*kept, "-"])}
	others = frappe.get_all(SETTINGS, filters, pluck="name")
	_write_all(others, enabled=0)
	try:
		with public_address(ADDRESS):
			yield
	finally:
		frappe.db.rollback()
		_write_all(others, enabled=1)


@contextmanager
def going_live() -> Iterator[None]:
	"""PayU is Live meanwhile, as the only gateway."""
	with live_site("payu"), payment_settings(confirmed_site=None):
		enable_gateway("payu", mode="Live", key_id="Qm7TzX", key_secret="s3LtDemo9Kx2-live")
		try:
			yield
		finally:
			frappe.db.rollback()
			enable_gateway("payu", key_id="", key_secret="")


def _write_all(names: list[str], **values: int) -> None:
	for name in names:
		frappe.db.set_value(SETTINGS, name, values)
	forget(SETTINGS)
	frappe.db.commit()
