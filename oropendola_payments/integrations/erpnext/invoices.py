"""Sales Invoices and credit notes, as our own invoice or tax document has them."""

import json
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import cint

from oropendola_payments.integrations.erpnext import accounts, parties
from oropendola_payments.integrations.erpnext.fields import KEY
from oropendola_payments.integrations.erpnext.types import INVOICE, Booked, Foreign, Sale, Tax
from oropendola_payments.integrations.outbox.types import NeedsAttention
from oropendola_payments.money import exponent_of, quantize

GENERAL_ITEM = "AI-SERVICES"
TAXES = "Sales Taxes and Charges"
# To how many digits ERPNext keeps a tax rate, unless the site keeps fewer.
RATE_DIGITS = 3


def book(sale: Sale, company: str) -> Booked:
	"""Submit the Sales Invoice of a sale."""
	return _submit(_draft(sale, company, 1), sale)


def book_note(note: Sale, company: str, against: str) -> Booked:
	"""Submit a credit note. Its own outstanding amount stays, for the refund to pay."""
	invoice = _draft(note, company, -1)
	invoice.update({"is_return": 1, "return_against": against, "update_outstanding_for_self": 1})
	return _submit(invoice, note)


def _draft(sale: Sale, company: str, sign: int) -> Foreign:
	_require_currency(sale, company)
	customer = parties.customer_of(sale.buyer)
	invoice = frappe.new_doc(INVOICE)
	invoice.update(
		{
			KEY: sale.key,
			"company": company,
			"customer": customer,
			"customer_address": parties.address_of(sale.buyer, customer),
			"set_posting_time": 1,
			"posting_date": sale.day,
			"due_date": sale.day,
			"currency": sale.currency,
			"conversion_rate": 1,
			"selling_price_list": _price_list(),
			"price_list_currency": sale.currency,
			"plc_conversion_rate": 1,
			"ignore_pricing_rule": 1,
			"disable_rounded_total": 1,
			"update_stock": 0,
			"remarks": sale.number or sale.key,
			"taxes_and_charges": None,
		}
	)
	item = invoice.append("items", _item_row(sale, company, sign))
	for tax in sale.taxes:
		account = accounts.tax_account(tax.account, tax.label, company)
		row = {"account_head": account, "description": tax.label, **_charge(tax, sale, sign)}
		if row["charge_type"] == "Actual" and frappe.get_meta(TAXES).has_field("item_wise_tax_detail"):
			row.update(_detail(tax, item.item_code or item.item_name, row["tax_amount"]))
		invoice.append("taxes", row)
	_fill_gst(invoice, sale)
	return invoice


def _charge(tax: Tax, sale: Sale, sign: int) -> dict:
	"""Return how ERPNext comes to exactly our amount: by the rate, as its reports and India Compliance want it, else as a sum."""
	exact = sale.net * tax.rate / 100
	# An amount halfway between two units is rounded down by some sites and up by others.
	is_sure = abs(exact - tax.amount) < Decimal("0.5").scaleb(-exponent_of(sale.currency))
	if is_sure and round(tax.rate, RATE_DIGITS) == tax.rate:
		return {"charge_type": "On Net Total", "rate": float(tax.rate)}
	return {"charge_type": "Actual", "tax_amount": sign * float(tax.amount)}


def _detail(tax: Tax, item: str, amount: float) -> dict:
	"""Say the rate of a sum, which ERPNext 15 would note as 0, and India Compliance refuses that."""
	detail = json.dumps({item: [float(tax.rate), amount]})
	return {"dont_recompute_tax": 1, "item_wise_tax_detail": detail}


def _require_currency(sale: Sale, company: str) -> None:
	if sale.currency != frappe.get_cached_value("Company", company, "default_currency"):
		message = _(
			"An invoice in {0} cannot be booked by itself in the books of {1}. Please book it by hand."
		)
		raise NeedsAttention(message.format(sale.currency, company))


def _price_list() -> str | None:
	default = frappe.db.get_single_value("Selling Settings", "selling_price_list")
	return default or frappe.db.get_value(
		"Price List", {"selling": 1, "enabled": 1}, "name", order_by="name asc"
	)


def _item_row(sale: Sale, company: str, sign: int) -> dict:
	rate = float(sale.net)
	row = {
		# A credit note takes back a part of a service, not a quantity that could be returned.
		"item_code": item_of(sale) if sign > 0 else None,
		"item_name": sale.description[:140],
		"description": sale.reason or sale.description,
		"uom": _uom(),
		"conversion_factor": 1,
		"qty": sign,
		"rate": rate,
		"price_list_rate": rate,
		"income_account": frappe.get_cached_value("Company", company, "default_income_account"),
		"cost_center": frappe.get_cached_value("Company", company, "cost_center"),
	}
	if sale.code and frappe.get_meta(f"{INVOICE} Item").has_field("gst_hsn_code"):
		row["gst_hsn_code"] = sale.code
	return row


def _fill_gst(invoice: Foreign, sale: Sale) -> None:
	"""Fill the fields of India Compliance, where it is installed, so that it makes the e-invoice by itself."""
	values = {
		"billing_address_gstin": sale.buyer.tax_id,
		"gst_category": sale.buyer.gst_category,
		"place_of_supply": sale.place_of_supply,
	}
	known = {name: value for name, value in values.items() if value and invoice.meta.has_field(name)}
	invoice.update(known)


def item_of(sale: Sale) -> str:
	"""Return the service item of a plan, created if there is none."""
	code = f"AI-{sale.plan}"[:140] if sale.plan else GENERAL_ITEM
	if frappe.db.exists("Item", code):
		return code
	item = frappe.new_doc("Item")
	item.update(
		{
			"item_code": code,
			"item_name": sale.description[:140],
			"item_group": _item_group(),
			"stock_uom": _uom(),
			"is_stock_item": 0,
			"include_item_in_manufacturing": 0,
		}
	)
	if sale.code and item.meta.has_field("gst_hsn_code"):
		item.gst_hsn_code = sale.code
	item.insert()
	return code


def _item_group() -> str | None:
	leaf = {"is_group": 0}
	return frappe.db.get_value("Item Group", {**leaf, "name": "Services"}) or frappe.db.get_value(
		"Item Group", leaf, "name", order_by="lft asc"
	)


def _uom() -> str | None:
	return frappe.db.get_value("UOM", "Nos") or frappe.db.get_value("UOM", {}, "name", order_by="name asc")


def _submit(invoice: Foreign, sale: Sale) -> Booked:
	invoice.insert()
	invoice.submit()
	taxes = invoice.get("taxes") or []
	return Booked(
		name=invoice.name,
		net=quantize(abs(invoice.net_total), sale.currency),
		total=quantize(abs(_total(invoice)), sale.currency),
		taxes=tuple(quantize(abs(row.tax_amount), sale.currency) for row in taxes),
	)


def _total(invoice: Foreign) -> float:
	"""Return what the customer owes: rounded, if ERPNext rounds in spite of us."""
	return (
		invoice.grand_total
		if cint(invoice.disable_rounded_total)
		else invoice.rounded_total or invoice.grand_total
	)
