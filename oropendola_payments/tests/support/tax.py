"""A seller with tax registrations, and buyers with billing profiles."""

from contextlib import contextmanager
from decimal import Decimal

import frappe

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.ai_billing.places import country_named
from oropendola_payments.engine.tax import data_sets, profile
from oropendola_payments.engine.tax.quote import Quote
from oropendola_payments.tests.support.factories import create_user

KARNATAKA, MAHARASHTRA, LADAKH = "29AABCU9603R1ZJ", "27AAPFU0939F1ZV", "38AAACO1234K1ZI"
GERMAN, BRITISH, OSS = "DE136695976", "GB980780684", "EU372022452"
GST = {"country": "IN", "scheme": "GST", "number": KARNATAKA}
LUT = {"lut_number": "AD290326000123X", "lut_from": "2026-04-01", "lut_to": "2099-03-31"}
EU_OSS = {"country": "LU", "scheme": "EU OSS", "number": OSS}
UK = {"country": "GB", "scheme": "VAT", "number": BRITISH}
SETS = {"GST": "India", "EU OSS": "European Union"}


@contextmanager
def registered_seller(*registrations: dict):
	"""A seller with these registrations and the rules for them, all switched on."""
	_clear()
	for values in registrations or (GST,):
		register(**values)
		data_sets.load("United Kingdom" if values["country"] == "GB" else SETS[values["scheme"]])
	frappe.db.set_value("AI Tax Rule", {"enabled": 0}, "enabled", 1)
	_commit()
	try:
		yield
	finally:
		frappe.db.rollback()
		_clear()


def register(country: str, **values):
	doc = frappe.get_doc({"doctype": "AI Tax Registration", "valid_from": "2026-04-01", **values})
	doc.country = country_named(country)[0]
	return doc.insert()


def _clear():
	for doctype in ("AI Tax Registration", "AI Tax Rule", "AI Tax Rule Line"):
		frappe.db.delete(doctype)
	_commit()


def _commit():
	for doctype in ("AI Tax Registration", "AI Tax Rule"):
		forget(doctype)
	frappe.db.commit()


def create_buyer(
	country: str | None = None, status: str | None = None, is_sez: bool = False, **values
) -> str:
	"""A user with a billing profile. `status` is what the authority said about the tax id."""
	user = create_user()
	if country:
		profile.save(user, {"country": country, **values})
		name = frappe.db.get_value("AI Billing Profile", {"user": user}, "name")
		if status:
			frappe.db.set_value("AI Billing Profile", name, "tax_id_status", status)
		if is_sez:
			frappe.db.set_value("AI Billing Profile", name, "gst_category", "SEZ")
		frappe.db.commit()
	return user


def amounts(quote: Quote) -> tuple[str, str]:
	"""The lines and the total, as the cases are written: `44.91 CGST + 44.91 SGST`, `588.82`."""
	return " + ".join(f"{line.amount} {line.label}" for line in quote.lines), str(quote.total)


def lines_of(invoice: str) -> list[tuple[str, Decimal]]:
	rows = frappe.get_all("AI Invoice Tax", {"parent": invoice}, ["label", "amount"], order_by="idx")
	return [(row.label, Decimal(str(row.amount))) for row in rows]
