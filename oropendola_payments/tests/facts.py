"""What a gateway may say, as the engine hears it, for tests that are about the engine alone."""

import secrets
from decimal import Decimal

from oropendola_payments.gateways.base import Outcome, PaymentEvent

PRICE = Decimal(499)


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
