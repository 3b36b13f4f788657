"""Countries, states of India and members of the EU, as tax law counts them."""

import frappe
from babel.numbers import get_territory_currencies
from frappe import _

from oropendola_payments.exceptions import Unprocessable

# Code of a GSTIN, letters and name. The names are those of India Compliance, so that an export to ERPNext is a copy.
_STATES = """
	01 JK Jammu and Kashmir|02 HP Himachal Pradesh|03 PB Punjab|04 CH Chandigarh|05 UK Uttarakhand|06 HR Haryana|07 DL Delhi
	08 RJ Rajasthan|09 UP Uttar Pradesh|10 BR Bihar|11 SK Sikkim|12 AR Arunachal Pradesh|13 NL Nagaland|14 MN Manipur
	15 MZ Mizoram|16 TR Tripura|17 ML Meghalaya|18 AS Assam|19 WB West Bengal|20 JH Jharkhand|21 OD Odisha|22 CG Chhattisgarh
	23 MP Madhya Pradesh|24 GJ Gujarat|26 DD Dadra and Nagar Haveli and Daman and Diu|27 MH Maharashtra|29 KA Karnataka
	30 GA Goa|31 LD Lakshadweep Islands|32 KL Kerala|33 TN Tamil Nadu|34 PY Puducherry|35 AN Andaman and Nicobar Islands
	36 TS Telangana|37 AP Andhra Pradesh|38 LA Ladakh|97 OT Other Territory
"""
STATES_OF_INDIA: dict[str, str] = {}
_KNOWN_AS: dict[str, str] = {}
for _row in _STATES.replace("\n", "|").split("|"):
	if _row.strip():
		_code, _letters, _name = _row.strip().split(" ", 2)
		STATES_OF_INDIA[_name] = _code
		_KNOWN_AS.update({_code: _name, _letters.lower(): _name, _name.lower(): _name})
# Those without a legislature: the second half of GST is UTGST there.
UNION_TERRITORIES = {
	"Chandigarh",
	"Dadra and Nagar Haveli and Daman and Diu",
	"Lakshadweep Islands",
	"Andaman and Nicobar Islands",
	"Ladakh",
	"Other Territory",
}
ABROAD = "96-Other Countries"
EU = frozenset(
	[
		"AT",
		"BE",
		"BG",
		"CY",
		"CZ",
		"DE",
		"DK",
		"EE",
		"ES",
		"FI",
		"FR",
		"GR",
		"HR",
		"HU",
		"IE",
		"IT",
		"LT",
		"LU",
		"LV",
		"MT",
		"NL",
		"PL",
		"PT",
		"RO",
		"SE",
		"SI",
		"SK",
	]
)


def country_code(country: str | None) -> str:
	"""Return the two letters of ISO 3166 for the name of a Country record, or an empty text."""
	return (frappe.db.get_value("Country", country, "code") or "").upper() if country else ""


def country_named(text: str) -> tuple[str, str]:
	"""Return name and code of the country that is written as its name or its two letters. Refused if there is none."""
	rows = frappe.get_all(
		"Country", or_filters={"name": text, "code": text.lower()}, fields=["name", "code"], limit=1
	)
	if not rows:
		message = _("There is no country {0}. Please choose one from the list.")
		raise Unprocessable(message.format(text))
	return rows[0].name, (rows[0].code or "").upper()


def indian_state(text: str | None) -> str:
	"""Return the name of a state that is written as name, letters or number. Refused if there is none."""
	known = _KNOWN_AS.get((text or "").strip().lower())
	if not known:
		message = _("{0} is not a state of India. Please choose one from the list.")
		raise Unprocessable(message.format(text))
	return known


def place_in_india(state: str | None) -> str:
	"""Return the place of supply as documents print it, such as 27-Maharashtra."""
	code = STATES_OF_INDIA.get(state or "")
	return f"{code}-{state}" if code else ""


def state_of_gstin(number: str) -> str:
	return _KNOWN_AS[number[:2]]


def currency_of(code: str) -> str:
	"""Return the currency of a country, or an empty text."""
	return next(iter(get_territory_currencies(code)), "") if code else ""
