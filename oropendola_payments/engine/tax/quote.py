"""The tax of a sale: one function gives the lines for buyer, price, currency and day."""

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

import frappe
from frappe.utils import cint, getdate

from oropendola_payments.ai_billing.current import payment_settings
from oropendola_payments.ai_billing.periods import today
from oropendola_payments.ai_billing.places import ABROAD, place_in_india
from oropendola_payments.engine.tax import rulebook
from oropendola_payments.engine.tax.parties import Buyer, as_text, buyer, seller
from oropendola_payments.engine.tax.split import split
from oropendola_payments.money import to_decimal

INCOMPLETE, NO_RULE = "Incomplete", "No Rule"


@dataclass(frozen=True)
class Line:
	label: str
	rate: Decimal
	amount: Decimal
	account_hint: str = ""


@dataclass(frozen=True)
class Quote:
	"""The tax of a sale. `missing` are the fields of the billing profile without which it is not known yet."""

	net: Decimal
	lines: tuple[Line, ...]
	inclusive: bool
	buyer: Buyer
	seller: dict
	treatment: str = ""
	note: str = ""
	place_of_supply: str = ""
	registration: str | None = None
	rules: str = ""
	missing: tuple[str, ...] = ()

	@property
	def tax(self) -> Decimal:
		return sum((line.amount for line in self.lines), Decimal(0))

	@property
	def total(self) -> Decimal:
		return self.net + self.tax

	def at(self, price: Decimal, currency: str) -> "Quote":
		"""Return the tax of the same sale at another price."""
		net, amounts = split(price, currency, [line.rate for line in self.lines], self.inclusive)
		lines = tuple(replace(line, amount=amount) for line, amount in zip(self.lines, amounts, strict=True))
		return replace(self, net=net, lines=lines)

	def values(self) -> dict:
		"""Return the fields of an invoice with this tax."""
		return {
			"net_amount": self.net,
			"tax_amount": self.tax,
			"tax_rate": sum((line.rate for line in self.lines), Decimal(0)),
			"tax_label": " + ".join(dict.fromkeys(line.label for line in self.lines)) or None,
			"taxes": [self._row(line) for line in self.lines],
			"tax_note": self.note or None,
			"tax_treatment": self.treatment or None,
			"place_of_supply": self.place_of_supply or None,
			"tax_registration": self.registration,
			"tax_rule": self.rules or None,
			"price_includes_tax": int(self.inclusive),
			"seller_snapshot": as_text(self.seller),
			"buyer_snapshot": as_text(self.buyer),
		}

	def _row(self, line: Line) -> dict:
		return {
			"label": line.label,
			"rate": line.rate,
			"taxable_amount": self.net,
			"amount": line.amount,
			"account_hint": line.account_hint or None,
		}


@dataclass(frozen=True)
class Finding:
	"""What the rules say about a sale, before any amount."""

	lines: tuple[tuple[str, Decimal, str], ...] = ()  # label, rate, account hint
	values: dict = field(default_factory=dict)


def quote(
	price: Decimal,
	currency: str,
	user: str,
	product_kind: str | None = None,
	on: date | str | None = None,
	inclusive: bool | None = None,
	known: Buyer | None = None,
) -> Quote:
	"""Return the tax of a sale to this user, by the rules if the seller is registered, else by the one rate of Payment Settings.

	`known` is the user as a buyer, where the caller has read it.
	"""
	day, who = getdate(on) if on else today(), known or buyer(user)
	registered = rulebook.registrations(day)
	found = _by_rules(registered, who, currency, product_kind or "", day) if registered else _by_settings()
	inclusive = includes_tax(currency) if inclusive is None else inclusive
	net, amounts = split(price, currency, [rate for _label, rate, _hint in found.lines], inclusive)
	lines = tuple(
		Line(label, rate, amount, hint)
		for (label, rate, hint), amount in zip(found.lines, amounts, strict=True)
	)
	return Quote(net, lines, inclusive, who, seller(registered, day), **found.values)


def includes_tax(currency: str) -> bool:
	"""Return whether prices in this currency include tax."""
	settings = payment_settings()
	listed = (settings.tax_inclusive_currencies or "").upper().replace(",", " ").split()
	return bool(cint(settings.prices_include_tax)) or currency in listed


def uses_rules() -> bool:
	"""Return whether the seller is registered today, so that tax depends on the buyer."""
	return bool(rulebook.registrations(today()))


def _by_settings() -> Finding:
	settings = payment_settings()
	rate = to_decimal(settings.tax_rate or 0)
	return Finding(((settings.tax_label or "Tax", rate, ""),) if rate else ())


def _by_rules(registered: list, who: Buyer, currency: str, product_kind: str, day: date) -> Finding:
	main = {"registration": registered[0].name, "place_of_supply": _place_of_supply(registered, who)}
	missing = _missing(who, day)
	if missing:
		return Finding(values={**main, "treatment": INCOMPLETE, "missing": missing})
	sale = rulebook.Sale(
		country=who.country,
		country_code=who.country_code,
		state=who.state,
		registered=who.registered,
		is_sez=who.gst_category == "SEZ",
		currency=currency,
		product_kind=product_kind,
		on=day,
	)
	found = rulebook.matches(sale)
	if not found:
		return Finding(values={**main, "treatment": NO_RULE})
	rules = [rule for _registration, rule in found]
	lines = tuple(
		(row.label, to_decimal(row.rate or 0), row.account_hint or "") for rule in rules for row in rule.lines
	)
	notes = dict.fromkeys(_note(rule, registration, who) for registration, rule in found if rule.note)
	treatments = dict.fromkeys(rule.treatment for rule in rules)
	said = {"treatment": " + ".join(treatments), "note": "\n".join(notes)}
	return Finding(lines, {**main, **said, "rules": "\n".join(rule.name for rule in rules)})


def _missing(who: Buyer, day: date) -> tuple[str, ...]:
	"""Return what has to be asked. The seller's own state is never taken for the buyer's."""
	if not who.country:
		return ("country",)
	return ("state",) if not who.state and rulebook.depends_on_state(who.country, day) else ()


def _place_of_supply(registered: list, who: Buyer) -> str:
	if registered[0].scheme == "GST" and registered[0].country_code == "IN":
		return place_in_india(who.state) if who.country_code == "IN" else ABROAD if who.country else ""
	return who.country


def _note(rule: frappe._dict, registration: frappe._dict, who: Buyer) -> str:
	lut = f"{registration.lut_number} ({registration.lut_from} – {registration.lut_to})"
	said = {"{lut}": lut, "{seller_id}": registration.number, "{buyer_id}": who.tax_id}
	note = rule.note
	for name, value in said.items():
		note = note.replace(name, value)
	return note
