"""Buyer and seller as an invoice keeps them."""

import json
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

import frappe
from frappe.query_builder import DocType
from pypika.queries import QueryBuilder

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.places import STATES_OF_INDIA
from oropendola_payments.engine.tax.rulebook import has_lut

FROM_PROFILE = (
	"kind", "legal_name", "billing_email", "language", "po_reference", "address_line1", "address_line2", "city", "pincode",
	"country", "state", "tax_id", "tax_id_type", "tax_id_status", "gst_category",
)  # fmt: skip


@dataclass(frozen=True)
class Buyer:
	name: str
	kind: str
	address: tuple[str, ...]
	city: str
	pincode: str
	state: str
	state_code: str
	country: str
	country_code: str
	tax_id: str
	tax_id_type: str
	tax_id_status: str
	gst_category: str
	email: str
	language: str
	po_reference: str

	@property
	def registered(self) -> str:
		"""Return whether the tax id counts, as tax rules ask it."""
		return {"Format Checked": "Yes", "Confirmed": "Confirmed"}.get(self.tax_id_status, "No")


def buyer(user: str) -> Buyer:
	"""Return the customer as billing profile and user say now, with one statement."""
	rows = query_of(user).run(as_dict=True)
	return buyer_of(rows[0] if rows else frappe._dict(user_email=user))


def buyer_of(row: frappe._dict) -> Buyer:
	"""Return the customer of a row of `query_of`. A number that the authority rejected is not the customer's, and makes no zone."""
	if row.tax_id_status == "Rejected":
		category = "Unregistered" if row.country_code == "in" else row.gst_category
		row = frappe._dict({**row, "tax_id": "", "tax_id_type": "", "gst_category": category})
	return Buyer(
		name=row.legal_name or row.full_name or "",
		kind=row.kind or "Person",
		address=tuple(line for line in (row.address_line1, row.address_line2) if line),
		city=row.city or "",
		pincode=row.pincode or "",
		state=row.state or "",
		state_code=STATES_OF_INDIA.get(row.state or "", "") if row.country_code == "in" else "",
		country=row.country or "",
		country_code=(row.country_code or "").upper(),
		tax_id=row.tax_id or "",
		tax_id_type=row.tax_id_type or "",
		tax_id_status=row.tax_id_status or "",
		gst_category=row.gst_category or "",
		email=row.billing_email or row.user_email or "",
		language=row.language or row.user_language or "",
		po_reference=row.po_reference or "",
	)


def buyer_in(content: dict) -> Buyer:
	"""Return the buyer whom an invoice keeps."""
	values: dict[str, Any] = {field.name: content.get(field.name) or "" for field in fields(Buyer)}
	return Buyer(**{**values, "address": tuple(values["address"])})


def query_of(user: str) -> QueryBuilder:
	"""Return a query of what billing profile and user say. A caller that needs more about the customer adds columns to it."""
	person, profile, country = (DocType(name) for name in ("User", "AI Billing Profile", "Country"))
	query = frappe.qb.from_(person).left_join(profile).on(profile.user == person.name)
	query = query.left_join(country).on(country.name == profile.country).where(person.name == user)
	columns = [profile[name] for name in FROM_PROFILE]
	columns += [person.full_name, person.email.as_("user_email"), person.language.as_("user_language")]
	return query.select(*columns, country.code.as_("country_code"))


def seller(registrations: list[frappe._dict], on: date) -> dict:
	"""Return the seller as Payment Settings and the main registration say, with all numbers that are valid on a day."""
	settings = payment_settings()
	main = registrations[0] if registrations else frappe._dict()
	return {
		"name": main.legal_name or settings.seller_name or "",
		"address": _lines(main.address or settings.seller_address),
		"email": settings.seller_email or "",
		"tax_id": main.number or settings.seller_tax_id or "",
		"country": main.country or "",
		"country_code": main.country_code or "",
		"state": main.state or "",
		"state_code": STATES_OF_INDIA.get(main.state or "", ""),
		"service_code": main.service_code or "",
		"registrations": [_numbers(row, on) for row in registrations],
	}


def _numbers(row: frappe._dict, on: date) -> dict:
	lut = ("lut_number", "lut_from", "lut_to") if has_lut(row, on) else ()
	fields = ("name", "scheme", "country", "country_code", "state", "number", *lut)
	return {field: str(row.get(field) or "") for field in fields}


def _lines(text: str | None) -> list[str]:
	return [line.strip() for line in (text or "").splitlines() if line.strip()]


def as_text(party: Buyer | dict) -> str:
	"""Return a party as its column on the invoice. The same party always gives the same text."""
	content = asdict(party) if isinstance(party, Buyer) else party
	return json.dumps(content, sort_keys=True, ensure_ascii=False, indent=1)
