"""The customer in ERPNext: found by the user, else created, with the address of the invoice."""

import frappe

from oropendola_payments.integrations.erpnext.fields import USER
from oropendola_payments.integrations.erpnext.types import Buyer

CUSTOMER = "Customer"


def customer_of(buyer: Buyer) -> str:
	"""Return the customer of a user: the one we made, one with the user in its portal, or one with a contact of the user."""
	known = (
		frappe.db.get_value(CUSTOMER, {USER: buyer.user}) or _by_portal(buyer.user) or _by_contact(buyer.user)
	)
	return known or _new_customer(buyer)


def _by_portal(user: str) -> str | None:
	if not frappe.db.exists("DocType", "Portal User"):
		return None
	return frappe.db.get_value("Portal User", {"user": user, "parenttype": CUSTOMER}, "parent")


def _by_contact(user: str) -> str | None:
	contact = frappe.db.get_value("Contact", {"user": user})
	links = {"parenttype": "Contact", "parent": contact, "link_doctype": CUSTOMER}
	return contact and frappe.db.get_value("Dynamic Link", links, "link_name")


def _new_customer(buyer: Buyer) -> str:
	customer = frappe.new_doc(CUSTOMER)
	customer.update(
		{
			"customer_name": buyer.name[:140],
			"customer_type": "Company" if buyer.is_business else "Individual",
			"customer_group": _leaf("Customer Group"),
			"territory": _leaf("Territory"),
			"tax_id": buyer.tax_id or None,
			USER: buyer.user,
			**_gst(CUSTOMER, buyer),
		}
	)
	customer.insert()
	return customer.name


def address_of(buyer: Buyer, customer: str) -> str | None:
	"""Return the billing address of the invoice, created if the customer has none like it. None if the invoice has none."""
	if not buyer.address or not buyer.city or not buyer.country:
		return None
	values = {
		"address_line1": buyer.address[0],
		"address_line2": ", ".join(buyer.address[1:]),
		"city": buyer.city,
		"state": buyer.state,
		"pincode": buyer.pincode,
		"country": buyer.country,
		**_gst("Address", buyer),
	}
	return _same_address(customer, values) or _new_address(buyer, customer, values)


def _same_address(customer: str, values: dict) -> str | None:
	links = {"parenttype": "Address", "link_doctype": CUSTOMER, "link_name": customer}
	for name in frappe.get_all("Dynamic Link", links, pluck="parent", order_by="creation desc"):
		row = frappe.db.get_value("Address", name, list(values), as_dict=True)
		if row and all((row[field] or "") == value for field, value in values.items()):
			return name
	return None


def _new_address(buyer: Buyer, customer: str, values: dict) -> str:
	address = frappe.new_doc("Address")
	address.update(
		{"address_title": buyer.name[:100], "address_type": "Billing", "email_id": buyer.email, **values}
	)
	address.append("links", {"link_doctype": CUSTOMER, "link_name": customer})
	address.insert()
	return address.name


def _gst(doctype: str, buyer: Buyer) -> dict:
	"""Return the fields of India Compliance, where it is installed."""
	meta = frappe.get_meta(doctype)
	values = {"gstin": buyer.tax_id, "gst_category": buyer.gst_category}
	return {field: value for field, value in values.items() if value and meta.has_field(field)}


def _leaf(doctype: str) -> str | None:
	"""Return the group that Selling Settings has as its default, else the first one that can be used."""
	default = frappe.db.get_single_value("Selling Settings", frappe.scrub(doctype))
	if default and not frappe.db.get_value(doctype, default, "is_group"):
		return default
	return frappe.db.get_value(doctype, {"is_group": 0}, "name", order_by="lft asc")
