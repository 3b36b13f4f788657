"""Each enabled gateway is a Payment Gateway of the app Payments, whose controller is our settings record."""

import frappe

from oropendola_payments.ai_billing.doctype.payment_gateway_settings.payment_gateway_settings import (
	PaymentGatewaySettings,
)

SETTINGS, GATEWAY = "Payment Gateway Settings", "Payment Gateway"
# The app Payments has gateways of its own with the providers' names.
PREFIX = "Oropendola"


def gateway_name(label: str) -> str:
	return f"{PREFIX} {label}"


def is_possible() -> bool:
	"""Return whether there is a DocType to register with, which the app Payments brings."""
	return bool(frappe.db.exists("DocType", GATEWAY))


def register_all() -> None:
	if is_possible():
		for name in frappe.get_all(SETTINGS, {"enabled": 1}, pluck="name"):
			register(frappe.get_doc(SETTINGS, name))


def register(settings: PaymentGatewaySettings) -> None:
	"""Insert the Payment Gateway, or let one with our name point to our settings."""
	values = {"gateway_settings": SETTINGS, "gateway_controller": settings.name}
	if frappe.db.exists(GATEWAY, values):
		return
	name = gateway_name(settings.label)
	if frappe.db.exists(GATEWAY, name):
		frappe.db.set_value(GATEWAY, name, values)
		frappe.clear_document_cache(GATEWAY, name)
	else:
		frappe.get_doc({"doctype": GATEWAY, "gateway": name, **values}).insert()


def unregister_all() -> None:
	"""Remove our Payment Gateways before the app goes. One that documents refer to stays, without its controller."""
	if not is_possible():
		return
	for name in frappe.get_all(GATEWAY, {"gateway_settings": SETTINGS}, pluck="name"):
		frappe.db.set_value(GATEWAY, name, {"gateway_settings": None, "gateway_controller": None})
		frappe.db.savepoint("oropendola_gateway")
		try:
			frappe.delete_doc(GATEWAY, name)
		except frappe.ValidationError:  # something links to it
			frappe.db.rollback(save_point="oropendola_gateway")
			frappe.clear_messages()
