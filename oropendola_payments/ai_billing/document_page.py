"""The content of a tax document as formatted texts, for its page, its PDF and the print format."""

from decimal import Decimal

from oropendola_payments.ai_billing import formatting

# One language for all, because accountants and authorities read them; the customer pages are translated.
LANGUAGE = "en"


def printed(facts: dict) -> dict:
	"""Return the content as formatted texts. Nothing is escaped yet."""
	currency, home = facts["currency"], facts["home"]
	return {
		**facts,
		"lang": LANGUAGE,
		"date": formatting.day(facts["issue_date"]),
		"is_note": facts["kind"] == "Credit Note",
		"is_indian": facts["registration_country"] == "IN",
		"original_date": formatting.day(facts["original"].get("date")),
		"items": [_printed_item(row, currency) for row in facts["lines"]],
		"tax_lines": [_printed_tax(row, currency) for row in facts["taxes"]],
		"net_text": formatting.money(facts["net"], currency),
		"tax_text": formatting.money(facts["tax"], currency),
		"total_text": formatting.money(facts["total"], currency),
		"home_texts": {
			name: formatting.money(home[name], home["currency"]) for name in ("net", "tax", "total") if home
		},
		"home_date": formatting.day(home.get("date")),
		"paid_on": formatting.day(facts["paid"].get("on")),
	}


def _printed_item(row: dict, currency: str) -> dict:
	period = formatting.days(*row["period"]) if row["period"] else ""
	return {**row, "period_text": period, "amount_text": formatting.money(row["amount"], currency)}


def _printed_tax(row: dict, currency: str) -> dict:
	return {
		**row,
		"rate_text": formatting.percent(Decimal(row["rate"])),
		"base_text": formatting.money(row["base"], currency),
		"amount_text": formatting.money(row["amount"], currency),
	}
