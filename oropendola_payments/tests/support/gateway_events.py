"""Events as an adapter reports them, for tests that are about the engine alone."""

import secrets
from decimal import Decimal

from oropendola_payments.gateways import BUILT_IN, load
from oropendola_payments.gateways.base import Outcome, PaymentEvent

PRICE = Decimal(499)
# Tried in another currency than the one that `currency_of` would find.
CURRENCIES = {"stripe": "USD", "cashflows": "GBP"}
# Their webhooks are not signed: anybody can send one, and it triggers a status query and nothing else.
UNSIGNED_NOTICES = ("phonepe", "cashflows")


def currency_of(gateway: str) -> str:
	"""The currency in which tests pay at a gateway: rupees where it takes them."""
	gateway = gateway.partition("_")[0]  # of one of its accounts
	taken = load(BUILT_IN[gateway]).capabilities.currencies
	usual = "INR" if taken is None or "INR" in taken else "USD" if "USD" in taken else min(taken)
	return CURRENCIES.get(gateway, usual)


def payment_id() -> str:
	return f"pay{secrets.token_hex(8)}"


def paid(attempt: str, amount=PRICE, currency: str = "INR", **values) -> PaymentEvent:
	"""Money was taken for this attempt."""
	values = {"payment_id": payment_id(), **values}
	return PaymentEvent(
		Outcome.PAID, reference=attempt, amount=Decimal(str(amount)), currency=currency, **values
	)


def failed(attempt: str, outcome: Outcome = Outcome.FAILED, **values) -> PaymentEvent:
	return PaymentEvent(
		outcome, reference=attempt, reason="The bank said no.", error_code="declined", **values
	)
