"""A site with ERPNext: a company, a customer and documents there. Only for tests that are skipped without it."""

from collections.abc import Iterator
from contextlib import contextmanager

import frappe
from frappe.utils import nowdate

from oropendola_payments.integrations.erpnext import accounts
from oropendola_payments.tests.support.factories import payment_settings, unique

TAX = "Output Tax"


def is_installed() -> bool:
	return bool(frappe.db) and "erpnext" in frappe.get_installed_apps() and bool(frappe.db.count("Company"))


def company() -> str:
	return frappe.get_all("Company", {"default_currency": "INR"}, pluck="name", order_by="creation")[0]


def switched_on(**more):
	"""A site that takes documents and books what it sells in ERPNext, for a while."""
	booked = {"accept_documents": 1, "post_to_erpnext": 1, "post_since": "2020-01-01 00:00:00"}
	return payment_settings(**booked, erpnext_company=company(), **more)


def ensure_tax_account(name: str = TAX) -> str:
	known = frappe.db.get_value("Account", {"account_name": name, "company": company()})
	if known:
		return known
	parent = frappe.db.get_value(
		"Account", {"company": company(), "is_group": 1, "account_type": "Tax"}, "name", order_by="lft desc"
	)
	account = frappe.new_doc("Account")
	account.update(
		{
			"account_name": name,
			"company": company(),
			"parent_account": parent,
			"account_type": "Tax",
			"tax_rate": 18,
		}
	)
	account.insert(ignore_permissions=True)
	return account.name


def ensure_account(
	name: str, kind: str, root: str, *, currency: str | None = None, of: str | None = None
) -> str:
	"""An account of a company, of this type and side of the books."""
	owner = of or company()
	known = frappe.db.get_value("Account", {"account_name": name, "company": owner})
	if known:
		return known
	group = {"company": owner, "is_group": 1, "root_type": root, "parent_account": ("is", "set")}
	account = frappe.new_doc("Account")
	account.update(
		{
			"account_name": name,
			"company": owner,
			"parent_account": frappe.db.get_value("Account", group, "name", order_by="lft desc"),
			"account_type": kind,
			"account_currency": currency or frappe.get_cached_value("Company", owner, "default_currency"),
		}
	)
	account.insert(ignore_permissions=True)
	return account.name


def ensure_another_company() -> str:
	name = "Another Company of the Tests"
	if not frappe.db.exists("Company", name):
		other = frappe.new_doc("Company")
		other.update({"company_name": name, "abbr": "ACT", "default_currency": "INR", "country": "India"})
		other.insert(ignore_permissions=True)
		frappe.db.commit()
	return name


@contextmanager
def gst_fields(own: str | None, addresses: tuple[str, ...]) -> Iterator[None]:
	"""The fields of India Compliance for the time of a test, and the numbers of the company in its record and its addresses."""
	fields = {"Journal Entry": "company_gstin", "Company": "gstin", "Address": "gstin"}
	made = [
		_add_field(*field) for field in fields.items() if not frappe.get_meta(field[0]).has_field(field[1])
	]
	before = frappe.db.get_value("Company", company(), "gstin")
	frappe.db.set_value("Company", company(), "gstin", own)
	names = [_add_address(number) for number in addresses]
	try:
		yield
	finally:
		frappe.db.set_value("Company", company(), "gstin", before)
		for name in names:
			frappe.delete_doc("Address", name, force=True, ignore_permissions=True)
		for name in made:
			frappe.delete_doc("Custom Field", name, force=True, ignore_permissions=True)
		frappe.db.commit()


def _add_field(doctype: str, fieldname: str) -> str:
	field = frappe.new_doc("Custom Field")
	field.update({"dt": doctype, "fieldname": fieldname, "label": "GSTIN", "fieldtype": "Data"})
	field.insert(ignore_permissions=True)
	return field.name


def _add_address(number: str) -> str:
	address = frappe.new_doc("Address")
	where = {"address_title": unique("Office"), "address_line1": "1 Main Road", "city": "Pune"}
	address.update({**where, "address_type": "Office", "country": "India", "gstin": number})
	address.append("links", {"link_doctype": "Company", "link_name": company()})
	address.insert(ignore_permissions=True)
	return address.name


def create_customer() -> str:
	customer = frappe.new_doc("Customer")
	group = frappe.db.get_value("Customer Group", {"is_group": 0})
	territory = frappe.db.get_value("Territory", {"is_group": 0})
	customer.update({"customer_name": unique("Buyer"), "customer_group": group, "territory": territory})
	customer.insert(ignore_permissions=True)
	return customer.name


def create_sales_invoice(amount: float = 499, of: str | None = None):
	"""An invoice that ERPNext itself made, for something that has nothing to do with us."""
	owner = of or company()
	invoice = frappe.new_doc("Sales Invoice")
	invoice.update(
		{
			"company": owner,
			"customer": create_customer(),
			"posting_date": nowdate(),
			"due_date": nowdate(),
			"currency": "INR",
			"conversion_rate": 1,
			"selling_price_list": frappe.db.get_value("Price List", {"selling": 1}),
			"price_list_currency": "INR",
			"plc_conversion_rate": 1,
			"disable_rounded_total": 1,
		}
	)
	invoice.append(
		"items",
		{
			"item_name": "Consulting",
			"description": "Consulting",
			"qty": 1,
			"uom": "Nos",
			"conversion_factor": 1,
			"rate": amount,
			"income_account": frappe.get_cached_value("Company", owner, "default_income_account"),
			"cost_center": frappe.get_cached_value("Company", owner, "cost_center"),
		},
	)
	invoice.insert(ignore_permissions=True)
	invoice.submit()
	return invoice


def create_payment_request(invoice, gateway: str):
	"""As the Desk makes and submits it."""
	filters = {"payment_gateway": accounts.label_of(gateway), "currency": "INR", "company": invoice.company}
	account = frappe.db.get_value("Payment Gateway Account", filters)
	make = frappe.get_attr("erpnext.accounts.doctype.payment_request.payment_request.make_payment_request")
	request = make(
		dt="Sales Invoice",
		dn=invoice.name,
		recipient_id="buyer@example.com",
		payment_gateway_account=account,
		submit_doc=1,
		return_doc=1,
	)
	frappe.db.commit()
	return frappe.get_doc("Payment Request", request.name)


def ledger(account: str, **filters) -> float:
	"""The balance of an account, as the General Ledger has it."""
	conditions = {"account": account, "is_cancelled": 0, **filters}
	rows = frappe.get_all("GL Entry", conditions, ["debit", "credit"])
	return round(sum(row.debit - row.credit for row in rows), 2)


def is_balanced() -> bool:
	rows = frappe.get_all("GL Entry", {"is_cancelled": 0, "company": company()}, ["debit", "credit"])
	return round(sum(row.debit - row.credit for row in rows), 2) == 0
