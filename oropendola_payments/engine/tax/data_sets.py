"""Rules to begin with, which a manager loads and edits. Rates change: an accountant must confirm them."""

from collections.abc import Callable, Iterator
from typing import Any

import frappe
from frappe import _

from oropendola_payments.ai_billing.places import country_named
from oropendola_payments.exceptions import BadRequest

COUNTRIES = ("seller_country", "buyer_country")
# Believed at the end of 2026. They are loaded switched off, because lists disagree about some of them.
EU_RATES = (
	"AT 20|BE 21|BG 20|CY 19|CZ 21|DE 19|DK 25|EE 24|ES 21|FI 25.5|FR 20|GR 24|HR 25|HU 27|IE 23|IT 22|LT 21|LU 17|LV 21|"
	"MT 18|NL 21|PL 23|PT 23|RO 21|SE 25|SI 22|SK 23"
)
LUT = "UNDER BOND OR LETTER OF UNDERTAKING WITHOUT PAYMENT OF INTEGRATED TAX. LUT {lut}"
PAID = "ON PAYMENT OF INTEGRATED TAX"
SEZ = "SUPPLY TO SEZ UNIT OR SEZ DEVELOPER FOR AUTHORISED OPERATIONS"
EXPORT = "SUPPLY MEANT FOR EXPORT"
REVERSE = "Reverse charge. VAT number of the customer: {buyer_id}"


def load(name: str) -> dict:
	"""Add the rules of a set that do not exist yet, and return how many are new. Rules that exist keep their edits."""
	if name not in DATA_SETS:
		message = _("There are no tax rules {0}. Please choose one of: {1}.")
		raise BadRequest(message.format(name, ", ".join(DATA_SETS)))
	rules = list(DATA_SETS[name]())
	new = [rule for rule in rules if not frappe.db.exists("AI Tax Rule", rule["title"])]
	for rule in new:
		countries = {side: country_named(rule[side])[0] for side in COUNTRIES if side in rule}
		frappe.get_doc({"doctype": "AI Tax Rule", "data_set": name, **rule, **countries}).insert()
	return {
		"added": len(new),
		"kept": len(rules) - len(new),
		"switched_off": sum(1 for rule in new if not rule.get("enabled", 1)),
	}


def _india() -> Iterator[dict]:
	home = {"seller_country": "IN", "seller_scheme": "GST", "buyer_country": "IN"}
	halves, union_halves = _lines(CGST=9, SGST=9), _lines(CGST=9, UTGST=9)
	taxed, zero = _lines(IGST=18), _lines(IGST=0)
	sez = {**home, "buyer_zone": "SEZ"}
	yield _rule("India: SEZ under LUT", 10, "SEZWOP", zero, f"{SEZ} {LUT}", lut="Valid", **sez)
	yield _rule("India: SEZ", 20, "SEZWP", taxed, f"{SEZ} {PAID}", **sez)
	for code, registered in (("B2B", "Yes"), ("B2C", "No")):
		who = {**home, "buyer_registered": registered}
		here = {**who, "same_state": "Same"}
		yield _rule(
			f"India: same union territory, {code}",
			30,
			code,
			union_halves,
			buyer_group="Union Territory",
			**here,
		)
		yield _rule(f"India: same state, {code}", 40, code, halves, **here)
		yield _rule(f"India: other state, {code}", 50, code, taxed, same_state="Other", **who)
	abroad = {"seller_country": "IN", "seller_scheme": "GST", "buyer_group": "Abroad"}
	foreign = {**abroad, "currency_class": "Foreign"}
	yield _rule("India: export under LUT", 60, "EXPWOP", zero, f"{EXPORT} {LUT}", lut="Valid", **foreign)
	yield _rule("India: export", 70, "EXPWP", taxed, f"{EXPORT} {PAID}", **foreign)
	yield _rule("India: buyer abroad who pays in rupees", 80, "TAXABLE", taxed, **abroad)


def _eu() -> Iterator[dict]:
	business: dict[str, Any] = {"buyer_group": "EU", "buyer_registered": "Confirmed", "enabled": 0}
	vat, oss = {"seller_scheme": "VAT"}, {"seller_scheme": "EU OSS"}
	yield _rule(
		"EU: business, seller elsewhere",
		30,
		"RC",
		(),
		REVERSE,
		seller_established="Elsewhere",
		**vat,
		**business,
	)
	yield _rule("EU: business in another country", 60, "RC", (), REVERSE, **vat, **business)
	yield _rule("EU OSS: business", 60, "RC", (), REVERSE, **oss, **business)
	for code, rate in (row.split() for row in EU_RATES.split("|")):
		lines = _lines(VAT=rate)
		there: dict[str, Any] = {"buyer_country": code, "enabled": 0}
		yield _rule(f"EU: {code} at home", 40, "VAT", lines, seller_country=code, **vat, **there)
		note = "VAT is declared through the One-Stop Shop: {seller_id}"
		yield _rule(f"EU OSS: {code}", 100, "OSS", lines, note, **oss, **there)


def _uk() -> Iterator[dict]:
	seller = {"seller_country": "GB", "seller_scheme": "VAT"}
	home = {**seller, "buyer_country": "GB"}
	business = {**home, "seller_established": "Elsewhere", "buyer_registered": "Yes"}
	yield _rule("UK: business, seller elsewhere", 30, "RC", (), REVERSE, **business)
	yield _rule("UK: VAT", 40, "VAT", _lines(VAT=20), **home)
	abroad = {**seller, "seller_established": "Here", "buyer_group": "Abroad"}
	yield _rule("UK: buyer abroad", 60, "EXPORT", (), "Outside the scope of UK VAT", **abroad)


def _rule(
	title: str, priority: int, treatment: str, lines: tuple = (), note: str | None = None, **conditions: Any
) -> dict:
	values = {
		"title": title,
		"priority": priority,
		"treatment": treatment,
		"note": note,
		"lines": list(lines),
	}
	return {"enabled": 1, **values, **conditions}


def _lines(**rates: float | str) -> tuple[dict, ...]:
	return tuple(
		{"label": label, "rate": rate, "account_hint": f"Output Tax {label}"} for label, rate in rates.items()
	)


DATA_SETS: dict[str, Callable[[], Iterator[dict]]] = {
	"India": _india,
	"European Union": _eu,
	"United Kingdom": _uk,
}
