"""Make ERPNext ready: our fields on its documents, and the accounts of the gateways."""

import frappe
from frappe import _

from oropendola_payments.exceptions import BadRequest
from oropendola_payments.integrations.erpnext import accounts
from oropendola_payments.integrations.erpnext.fields import ensure_fields
from oropendola_payments.integrations.payments_app.registration import is_possible


def prepare() -> None:
	"""Do what is missing. May run at every migration."""
	ensure_fields()
	if not is_possible():
		return
	gateways = frappe.get_all("Payment Gateway Settings", {"enabled": 1}, pluck="gateway")
	for company in frappe.get_all("Company", pluck="name"):
		for gateway in gateways:
			accounts.ensure_gateway_account(gateway, company)


def require_company(name: str | None) -> None:
	if not name or not frappe.db.exists("Company", name):
		message = _("There is no Company {0} in ERPNext. Please enter its name as it is written there.")
		raise BadRequest(message.format(name or "-"))
