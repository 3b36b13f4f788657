"""Refunds."""

from decimal import Decimal

from oropendola_payments.api import contract, endpoint, require_manager
from oropendola_payments.api.answers import payments as answers
from oropendola_payments.engine.refunds import create


@endpoint(methods=("POST",), answer=answers.Refund, errors=contract.GATEWAY)
def create_refund(
	invoice_id: str, reason: str, amount: Decimal | None = None, idempotency_key: str | None = None
) -> dict:
	"""Refund an invoice in full or in part."""
	require_manager()
	return create.create_refund(invoice_id, amount, reason, idempotency_key)
