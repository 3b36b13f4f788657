"""The frozen content of a document: everything that is printed, as canonical JSON with a hash."""

import hashlib
import json
from dataclasses import asdict
from decimal import Decimal

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.doctype.ai_tax_document.ai_tax_document import AITaxDocument
from oropendola_payments.engine.documents.types import Draft, Held, ItemLine, Party, Stamp, TaxLine
from oropendola_payments.money import money_text, quantize, to_decimal

VERSION = 1


def insert(draft: Draft, stamp: Stamp) -> AITaxDocument:
	"""Insert the document with two SQL statements. The caller holds the locks of the series and of the invoice."""
	facts = facts_of(draft, stamp)
	document = records.new("AI Tax Document")
	document.update({"name": stamp.number, **_columns(draft, stamp, facts)})
	document.add_with_lines(lines_of(draft))
	return document


def facts_of(draft: Draft, stamp: Stamp) -> dict:
	"""Return the content as JSON values: amounts and rates are texts, so that no float is ever hashed."""
	_check_sums(draft)
	home = _home(draft)
	return {
		"version": VERSION,
		"kind": draft.kind,
		"title": draft.title,
		"number": stamp.number,
		"issue_date": stamp.day.isoformat(),
		"financial_year": stamp.financial_year,
		"registration": draft.registration,
		"registration_country": draft.country,
		"prefix": draft.prefix,
		"seller": _party(draft.seller),
		"buyer": _party(draft.buyer),
		"place_of_supply": draft.place_of_supply,
		"treatment": draft.treatment,
		"reverse_charge": False,
		"lines": [_item(item, draft.currency) for item in draft.items],
		"taxes": [_tax(tax, draft.currency) for tax in draft.taxes],
		"currency": draft.currency,
		"net": money_text(draft.net, draft.currency),
		"tax": money_text(draft.tax, draft.currency),
		"total": money_text(draft.total, draft.currency),
		"home": home,
		"notes": list(draft.notes),
		"paid": draft.paid,
		"invoice": draft.invoice,
		"refund": draft.refund,
		"original": draft.original,
		"reason": draft.reason,
	}


def canonical(facts: dict) -> str:
	"""Return the text that is hashed: the same content gives the same text, on every host and version."""
	return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def hash_of(text: str) -> str:
	return hashlib.sha256(text.encode()).hexdigest()


def taxes_in(facts: dict) -> tuple[TaxLine, ...]:
	"""Return the tax lines of a frozen document, from which its credit notes are cut."""
	return tuple(
		TaxLine(
			row["label"],
			to_decimal(row["rate"]),
			to_decimal(row["base"]),
			to_decimal(row["amount"]),
			row["account_hint"],
		)
		for row in facts["taxes"]
	)


def items_in(facts: dict) -> tuple[ItemLine, ...]:
	return tuple(
		ItemLine(
			row["description"],
			row["code"],
			to_decimal(row["amount"]),
			tuple(row["period"]) if row["period"] else None,
		)
		for row in facts["lines"]
	)


def party_in(values: dict) -> Party:
	return Party(**{**values, "address": tuple(values["address"])})


def lines_of(draft: Draft) -> list[dict]:
	"""Return the rows of the document, which add up to its total."""
	items = [
		{
			"kind": "Item",
			"label": item.description[:140],
			"code": item.code,
			"rate": 0,
			"base_amount": item.amount,
			"amount": item.amount,
			"currency": draft.currency,
		}
		for item in draft.items
	]
	taxes = [
		{
			"kind": "Tax",
			"label": tax.label,
			"rate": tax.rate,
			"base_amount": tax.base,
			"amount": tax.amount,
			"currency": draft.currency,
			"account_hint": tax.account_hint,
		}
		for tax in draft.taxes
	]
	return items + taxes


def _columns(draft: Draft, stamp: Stamp, facts: dict) -> dict:
	text = canonical(facts)
	home = facts["home"]
	return {
		"kind": draft.kind,
		"title": draft.title,
		"issue_date": stamp.day,
		"registration": draft.registration,
		"series": stamp.series,
		"number_in_series": stamp.number_in_series,
		"financial_year": stamp.financial_year,
		"user": draft.user,
		"invoice": draft.invoice,
		"refund": draft.refund or None,
		"original": draft.original.get("number"),
		"reason": draft.reason or None,
		"source_key": draft.source_key,
		"seller_name": draft.seller.name,
		"seller_tax_id": draft.seller.tax_id,
		"buyer_name": draft.buyer.name[:140],
		"buyer_tax_id": draft.buyer.tax_id,
		"buyer_country": draft.buyer.country,
		"place_of_supply": draft.place_of_supply,
		"treatment": draft.treatment,
		"currency": draft.currency,
		"net_amount": draft.net,
		"tax_amount": draft.tax,
		"total_amount": draft.total,
		"home_currency": home.get("currency"),
		"exchange_rate": home.get("rate"),
		"home_total": to_decimal(home["total"]) if home else 0,
		"content": text,
		"content_hash": hash_of(text),
	}


def _check_sums(draft: Draft) -> None:
	"""Refuse what does not add up or is finer than the smallest coin: nobody could correct it later."""
	for amount in (*(item.amount for item in draft.items), *(tax.amount for tax in draft.taxes)):
		if amount < 0 or amount != quantize(amount, draft.currency):
			raise Held(f"{amount} is no amount in {draft.currency}.")
	if draft.total <= 0:
		raise Held(f"A document for {draft.total} {draft.currency} makes no sense.")


def _party(party: Party) -> dict:
	return {**asdict(party), "address": list(party.address)}


def _item(item: ItemLine, currency: str) -> dict:
	return {
		"description": item.description,
		"code": item.code,
		"period": list(item.period) if item.period else None,
		"quantity": "1",
		"amount": money_text(item.amount, currency),
	}


def _tax(tax: TaxLine, currency: str) -> dict:
	return {
		"label": tax.label,
		"rate": f"{tax.rate.normalize():f}",
		"base": money_text(tax.base, currency),
		"amount": money_text(tax.amount, currency),
		"account_hint": tax.account_hint,
	}


def _home(draft: Draft) -> dict:
	"""Return net, tax and total in the currency of the seller's return, each part rounded and then added."""
	if not draft.home:
		return {}
	currency, rate = draft.home["currency"], to_decimal(draft.home["rate"])
	notes = draft.earlier
	net = _converted(draft.net, [(note["net"], note["home"]["net"]) for note in notes], rate, currency)
	taxes = []
	for place, line in enumerate(draft.taxes):
		before = [(note["taxes"][place]["amount"], note["home"]["taxes"][place]) for note in notes]
		taxes.append(_converted(line.amount, before, rate, currency))
	tax = sum(taxes, Decimal(0))
	return {
		**draft.home,
		"net": money_text(net, currency),
		"taxes": [money_text(amount, currency) for amount in taxes],
		"tax": money_text(tax, currency),
		"total": money_text(net + tax, currency),
	}


def _converted(amount: Decimal, before: list[tuple[str, str]], rate: Decimal, currency: str) -> Decimal:
	"""Return an amount at this rate, so that with what earlier notes took of the same part it is their sum at this rate.

	Notes that are rounded by themselves would take back a unit more, or less, than the document had.
	"""
	own = sum((to_decimal(part) for part, _home in before), amount)
	given = sum((to_decimal(home) for _part, home in before), Decimal(0))
	return max(Decimal(0), quantize(own * rate, currency) - given)
