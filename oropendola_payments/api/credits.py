"""Credits: packs that are sold, buying one, and the customer's wallet."""

import frappe

from oropendola_payments.api import endpoint, require_login
from oropendola_payments.api.answers import credits as answers
from oropendola_payments.api.arguments import Currency
from oropendola_payments.engine.top_ups import buy as purchase
from oropendola_payments.engine.top_ups import packs
from oropendola_payments.engine.wallet import balance


@endpoint(guest=True, answer=answers.CreditPacks)
def list_packs(currency: Currency | None = None) -> dict:
	"""Return the packs that are sold. A logged-in customer also learns which of them can be bought now."""
	user = None if frappe.session.user == "Guest" else frappe.session.user
	return {"packs": packs.listed(currency, user)}


@endpoint(answer=answers.CreditQuote, errors=("unprocessable",))
def quote(pack_id: str, currency: Currency | None = None) -> dict:
	"""Return what a pack costs with tax. Changes nothing."""
	return purchase.quote(require_login(), pack_id, currency)


@endpoint(methods=("POST",), answer=answers.CreditOrder)
def buy(pack_id: str, currency: Currency | None = None) -> dict:
	"""Return the invoice for a pack, to be paid with `payment.initiate_payment`. A repeated call gives the same invoice."""
	return purchase.buy(require_login(), pack_id, currency)


@endpoint(answer=answers.CreditBalance)
def get_balance() -> dict:
	"""Return the user's credits, and the grants in the order in which they are used."""
	return balance.summary(require_login())


@endpoint(answer=answers.CreditEntries)
def get_entries(page: int = 1) -> dict:
	"""Return the lines of the user's wallet, the newest first."""
	rows, has_older = balance.lines(require_login(), max(1, page))
	return {"entries": [balance.as_answer(row) for row in rows], "has_older": has_older}
