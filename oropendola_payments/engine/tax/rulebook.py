"""Registrations of the seller and tax rules, and which of them fit a sale."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import frappe
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.current import current_rows
from oropendola_payments.ai_billing.places import EU, UNION_TERRITORIES, currency_of

OSS = "EU OSS"


@dataclass(frozen=True)
class Sale:
	"""What rules ask about."""

	country: str
	country_code: str
	state: str
	registered: str  # No, Yes or Confirmed
	is_sez: bool
	currency: str
	product_kind: str
	on: date


def registrations(on: date) -> list[frappe._dict]:
	"""Return the seller's registrations on a day, the main one first: the oldest that is not for the One-Stop Shop."""
	valid = [row for row in current_rows("AI Tax Registration") if _is_valid(row, on)]
	return sorted(valid, key=lambda row: (row.scheme == OSS, getdate(row.valid_from)))


def matches(sale: Sale) -> list[tuple[frappe._dict, frappe._dict]]:
	"""Return the registrations that have a rule for the sale, each with its rule."""
	found: list[tuple[frappe._dict, frappe._dict]] = []
	home = next(iter(registrations(sale.on)), None)
	for registration in _concerned(sale):
		place = "Here" if registration is home else "Elsewhere"
		rules = (rule for rule in _rules(sale.on) if rule.seller_established in ("Any", place))
		rule = next((rule for rule in rules if _fits(rule, registration, sale)), None)
		if rule and rule.name not in [other.name for _registration, other in found]:
			found.append((registration, rule))
	return found


def has_lut(registration: frappe._dict, on: date) -> bool:
	return bool(registration.lut_number) and getdate(registration.lut_from) <= on <= getdate(
		registration.lut_to
	)


def depends_on_state(country: str, on: date) -> bool:
	"""Return whether the tax of a buyer in this country can only be known with the state."""
	places = {row.country for row in registrations(on)}
	return any(
		rule.buyer_country == country and (not rule.seller_country or rule.seller_country in places)
		for rule in _rules(on)
		if rule.buyer_state or rule.same_state != "Any" or rule.buyer_group == "Union Territory"
	)


def _concerned(sale: Sale) -> Iterator[frappe._dict]:
	"""A sale is reported in one way: where the seller is registered in the buyer's own country, the One-Stop Shop is not for it."""
	valid = registrations(sale.on)
	is_local = any(row.country == sale.country and row.scheme != OSS for row in valid)
	return (row for row in valid if row.scheme != OSS or not is_local)


def _rules(on: date) -> list[frappe._dict]:
	rules = [row for row in current_rows("AI Tax Rule") if cint(row.enabled) and _is_valid(row, on)]
	return sorted(rules, key=lambda rule: (cint(rule.priority), rule.name))


def _is_valid(row: frappe._dict, on: date) -> bool:
	begun = not row.valid_from or getdate(row.valid_from) <= on
	return begun and (not row.valid_to or on <= getdate(row.valid_to))


def _fits(rule: frappe._dict, registration: frappe._dict, sale: Sale) -> bool:
	return (
		_fits_seller(rule, registration)
		and _fits_buyer(rule, registration, sale)
		and _fits_sale(rule, registration, sale)
	)


def _fits_seller(rule: frappe._dict, registration: frappe._dict) -> bool:
	asked = ((rule.seller_country, registration.country), (rule.seller_scheme, registration.scheme))
	return all(not wanted or wanted == got for wanted, got in asked) and _is_state(
		rule.seller_state, registration.state
	)


def _fits_buyer(rule: frappe._dict, registration: frappe._dict, sale: Sale) -> bool:
	is_same = sale.country == registration.country and _key(sale.state) == _key(registration.state)
	return (
		(not rule.buyer_country or rule.buyer_country == sale.country)
		and _is_state(rule.buyer_state, sale.state)
		and _is_in_group(rule.buyer_group, registration, sale)
		and rule.same_state in ("Any", "Same" if is_same else "Other")
		and rule.buyer_registered in _registered_as(sale)
		and rule.buyer_zone in ("Any", "SEZ" if sale.is_sez else "Ordinary")
	)


def _fits_sale(rule: frappe._dict, registration: frappe._dict, sale: Sale) -> bool:
	is_domestic = sale.currency == currency_of(registration.country_code)
	return (
		rule.currency_class in ("Any", "Domestic" if is_domestic else "Foreign")
		and rule.lut in ("Any", "Valid" if has_lut(registration, sale.on) else "Not Valid")
		and (not rule.product_kind or _key(rule.product_kind) == _key(sale.product_kind))
	)


def _registered_as(sale: Sale) -> tuple[str, ...]:
	return ("Any", "Yes", "Confirmed") if sale.registered == "Confirmed" else ("Any", sale.registered)


def _is_in_group(group: str | None, registration: frappe._dict, sale: Sale) -> bool:
	members = {
		"Abroad": sale.country != registration.country,
		"EU": sale.country_code in EU,
		"Union Territory": sale.state in UNION_TERRITORIES,
	}
	return members.get(group or "", True)


def _is_state(wanted: str | None, state: str | None) -> bool:
	return not wanted or _key(wanted) == _key(state)


def _key(text: str | None) -> str:
	return (text or "").strip().casefold()
