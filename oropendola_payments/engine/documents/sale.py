"""What a paid invoice says about the sale: parties, lines and taxes, as they were frozen when its payment started."""

import json
from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import getdate, nowdate

from oropendola_payments.ai_billing.current import current, current_rows
from oropendola_payments.ai_billing.doctype.ai_exchange_rate.ai_exchange_rate import rate_on
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.known_gateways import adapter_class, is_known
from oropendola_payments.engine.documents.numbering import Numberer
from oropendola_payments.engine.documents.split import split_refund
from oropendola_payments.engine.documents.types import Draft, Held, ItemLine, Party, TaxLine
from oropendola_payments.engine.tax import quote as tax
from oropendola_payments.engine.tax.parties import Buyer, buyer_in
from oropendola_payments.engine.tax.rulebook import registrations
from oropendola_payments.money import quantize, to_decimal

REGISTRATION = "AI Tax Registration"
# The currency of the return, where the law wants amounts in it.
HOME_CURRENCIES = {"IN": "INR", "GB": "GBP"}
TITLES = {"GST": "Tax Invoice", "VAT": "VAT Invoice"}
TAX_IDS = {"GST": "GSTIN", "VAT": "VAT number", "EU OSS": "EU OSS number"}
WAYS = {"manual": "Bank transfer or cash", "credit": "Credit from an earlier payment"}
WITHOUT_LUT = ("EXPWOP", "SEZWOP")
UNDECIDED = ("", tax.INCOMPLETE, tax.NO_RULE)


def numberer_of(registration: str) -> Numberer:
	row = current(REGISTRATION, registration)
	return Numberer(registration, row.country_code or "", row.document_prefix or "")


def registration_for(invoice: AIInvoice) -> str | None:
	"""Return the registration whose series numbers the document: that of the decided tax, else the seller's main one today."""
	today = getdate(nowdate())
	if is_decided(invoice, today):
		return invoice.tax_registration
	return next((row.name for row in registrations(today)), None)


def draft_of(invoice: AIInvoice, day: date) -> Draft:
	"""Return the document of a paid invoice. Raises Held, with the reason, if something that the law wants is missing."""
	seller, buyer = snapshot(invoice.seller_snapshot), snapshot(invoice.buyer_snapshot)
	treatment = invoice.tax_treatment or ""
	if not is_decided(invoice, day):
		paid_by = None if treatment in UNDECIDED else buyer_in(buyer)
		return draft_by_rules(invoice, invoice.sold(), day, paid_by)
	net, taxes = _parts_sold(invoice)
	return _draft(
		invoice,
		day,
		seller=seller,
		buyer=buyer,
		net=net,
		taxes=taxes,
		treatment=treatment,
		place=invoice.place_of_supply or "",
		note=invoice.tax_note or "",
		registration=invoice.tax_registration or "",
	)


def draft_by_rules(invoice: AIInvoice, total: Decimal, day: date, paid_by: Buyer | None = None) -> Draft:
	"""Return the document as rules and billing profile say now, with its tax cut out of a total that stays what was paid.

	`paid_by` is the buyer instead of the profile, where the tax was decided for them.
	"""
	product_kind = current("AI Plan", invoice.plan).product_kind if invoice.plan else None
	found = tax.quote(
		total, invoice.currency, invoice.user, product_kind, on=day, inclusive=True, known=paid_by
	)
	if found.missing:
		fields = ", ".join(found.missing)
		raise Held(_("The billing profile of the customer is not complete: {0}.").format(fields))
	if not found.registration or found.treatment == tax.NO_RULE:
		raise Held(_("No tax rule fits this sale. Please add one, or ask your accountant."))
	return _draft(
		invoice,
		day,
		seller=found.seller,
		buyer=asdict(found.buyer),
		net=found.net,
		taxes=tuple(
			TaxLine(line.label, line.rate, found.net, line.amount, line.account_hint) for line in found.lines
		),
		treatment=found.treatment,
		place=found.place_of_supply,
		note=found.note,
		registration=found.registration,
	)


def _parts_sold(invoice: AIInvoice) -> tuple[Decimal, tuple[TaxLine, ...]]:
	net, taxes, sold = quantize(invoice.net_amount or 0, invoice.currency), _taxes(invoice), invoice.sold()
	if sold == invoice.total():
		return net, taxes
	nothing = [Decimal(0)] * len(taxes)
	(part,), amounts = split_refund(
		sold, [net], [line.amount for line in taxes], [Decimal(0)], nothing, invoice.currency
	)
	return part, tuple(
		replace(line, base=part, amount=amount) for line, amount in zip(taxes, amounts, strict=True)
	)


def is_decided(invoice: AIInvoice, day: date) -> bool:
	"""Return whether the tax was decided with the price, and is still the law, and an export without tax still covered, on the day of issue."""
	treatment = invoice.tax_treatment or ""
	if treatment in UNDECIDED or _has_ended(invoice.tax_rule, day):
		return False
	needs_lut = any(code in treatment for code in WITHOUT_LUT)
	numbers = snapshot(invoice.seller_snapshot).get("registrations") or []
	return not needs_lut or any(_covers(row, day) for row in numbers)


def _has_ended(names: str | None, day: date) -> bool:
	"""Return whether one of these rules ended before the day, as when a rate changes. A rule that was edited or deleted decides nothing."""
	used = (names or "").splitlines()
	ends = (row.valid_to for row in current_rows("AI Tax Rule") if row.name in used)
	return any(end and getdate(end) < day for end in ends)


def _covers(row: dict, day: date) -> bool:
	return bool(row.get("lut_number")) and row["lut_from"] <= day.isoformat() <= row["lut_to"]


def _draft(
	invoice: AIInvoice,
	day: date,
	*,
	seller: dict,
	buyer: dict,
	net: Decimal,
	taxes: tuple[TaxLine, ...],
	treatment: str,
	place: str,
	note: str,
	registration: str,
) -> Draft:
	numberer = numberer_of(registration)
	scheme = _main(seller).get("scheme") or ""
	is_export = "EXP" in treatment and scheme == "GST"
	return Draft(
		kind="Invoice",
		title="Export Invoice" if is_export else TITLES.get(scheme, "Invoice"),
		registration=registration,
		country=numberer.country,
		prefix=numberer.prefix,
		user=invoice.user,
		invoice=invoice.name,
		source_key=f"invoice:{invoice.name}",
		seller=_seller(seller),
		buyer=_buyer(buyer),
		items=(_item(invoice, seller, net),),
		taxes=taxes,
		currency=invoice.currency,
		place_of_supply=place,
		treatment=treatment,
		notes=tuple(line for line in note.splitlines() if line.strip()),
		paid=_payment(invoice),
		home=_home(numberer.country, invoice.currency, bool(taxes), day),
	)


def snapshot(text: str | None) -> dict:
	return json.loads(text) if text else {}


def _main(seller: dict) -> dict:
	return (seller.get("registrations") or [{}])[0]


def _seller(row: dict) -> Party:
	if not row.get("name") or not row.get("address"):
		raise Held(_("The seller's name or address is missing. Please enter it in the tax registration."))
	main, *others = row.get("registrations") or [{}]
	numbers = [f"{TAX_IDS.get(other['scheme'], 'Tax ID')}: {other['number']}" for other in others]
	return Party(
		name=row["name"],
		address=tuple(row["address"]),
		country=row.get("country") or "",
		state=row.get("state") or "",
		state_code=row.get("state_code") or "",
		tax_id=row.get("tax_id") or "",
		tax_id_label=TAX_IDS.get(main.get("scheme") or "", "Tax ID"),
		email=row.get("email") or "",
		more={"country_code": row.get("country_code") or "", "numbers": numbers},
	)


def _buyer(row: dict) -> Party:
	city = " ".join(part for part in (row.get("city"), row.get("pincode")) if part)
	return Party(
		name=row.get("name") or row.get("email") or "",
		address=tuple(line for line in (*(row.get("address") or ()), city) if line),
		country=row.get("country") or "",
		state=row.get("state") or "",
		state_code=row.get("state_code") or "",
		tax_id=row.get("tax_id") or "",
		tax_id_label=row.get("tax_id_type") or "",
		email=row.get("email") or "",
		more={field: str(row.get(field) or "") for field in MORE_OF_BUYER},
	)


MORE_OF_BUYER = ("country_code", "city", "pincode", "kind", "tax_id_status", "gst_category", "po_reference")


def _item(invoice: AIInvoice, seller: dict, net: Decimal) -> ItemLine:
	code = seller.get("service_code") or ""
	if _main(seller).get("scheme") == "GST" and not code:
		raise Held(_("The tax registration has no HSN or SAC code. Please enter it there."))
	period = (str(invoice.period_start), str(invoice.period_end)) if invoice.period_start else None
	return ItemLine(invoice.description or _("Services"), code, quantize(net, invoice.currency), period)


def _taxes(invoice: AIInvoice) -> tuple[TaxLine, ...]:
	fields = ["label", "rate", "taxable_amount", "amount", "account_hint"]
	rows = frappe.get_all("AI Invoice Tax", {"parent": invoice.name}, fields, order_by="idx")
	lines = tuple(
		TaxLine(
			row.label,
			to_decimal(row.rate or 0),
			quantize(row.taxable_amount or 0, invoice.currency),
			quantize(row.amount or 0, invoice.currency),
			row.account_hint or "",
		)
		for row in rows
	)
	if sum(line.amount for line in lines) != to_decimal(invoice.tax_amount or 0):
		raise Held(_("The tax lines of the invoice do not add up to its tax."))
	return lines


def _payment(invoice: AIInvoice) -> dict:
	"""Return when and how the invoice was paid."""
	code = invoice.payment_gateway or ""
	way = WAYS.get(code) or (adapter_class(code).label if is_known(code) else code)
	reference = "" if code == "credit" else invoice.transaction_id or ""
	return {"on": str(getdate(invoice.paid_date)), "with": way, "reference": reference}


def _home(country: str, currency: str, is_taxed: bool, day: date) -> dict:
	"""Return the rate into the currency of the return: always for India, and for the UK if there is VAT."""
	home = HOME_CURRENCIES.get(country)
	if not home or home == currency or (home == "GBP" and not is_taxed):
		return {}
	rate = rate_on(day, currency, home)
	if not rate:
		message = _("There is no exchange rate from {0} to {1} for {2}. Please add an AI Exchange Rate.")
		raise Held(message.format(currency, home, day.isoformat()))
	return {"currency": home, "rate": rate["rate"], "date": str(rate["valid_from"]), "source": rate["source"]}
