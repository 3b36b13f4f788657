"""Refund records: check that an amount can be refunded, and insert the row that reserves it."""

from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import now_datetime

from oropendola_payments.ai_billing import records
from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_capture.payment_capture import CONTESTED, PaymentCapture
from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import PaymentRefund
from oropendola_payments.ai_billing.formatting import exact_money, money
from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.engine.wallet.refunds import follow_money
from oropendola_payments.exceptions import Refusal, Unprocessable
from oropendola_payments.gateways.base import Gateway
from oropendola_payments.money import to_decimal, to_minor

WITHOUT_GATEWAY = ("manual", "credit")


def open_refund(
	invoice: AIInvoice, capture: PaymentCapture, amount: Decimal, reason: str, key: str | None = None
) -> PaymentRefund:
	"""Check the amount and insert a refund, which reserves it. The caller holds the invoice's lock and commits."""
	_check(capture, amount)
	return insert_refund(invoice, capture, amount, reason, key)


def insert_refund(
	invoice: AIInvoice, capture: PaymentCapture, amount: Decimal, reason: str, key: str | None
) -> PaymentRefund:
	refund = records.new("Payment Refund")
	refund.name = f"RF{frappe.generate_hash(length=16).upper()}"
	refund.update(
		{
			"capture": capture.name,
			"attempt": capture.attempt,
			"invoice": invoice.name,
			"user": invoice.user,
			"gateway": capture.gateway,
			"amount": amount,
			"currency": capture.currency,
			"reason": reason,
			"status": "Created",
			"idempotency_key": key or f"refund:{refund.name}",
			"next_check_at": now_datetime(),
			"check_count": 0,
		}
	)
	refund.add()
	capture.write(amount_refunded=to_decimal(capture.amount_refunded or 0) + amount)
	invoice.record("refund_opened", refund, to_status="Created", amount=amount, note=reason)
	follow_money(invoice)
	return refund


def refusal_message(captures: list, amount: Decimal | None) -> str:
	"""Return the message why this amount cannot be refunded from these captures."""
	if any(c.dispute_state in CONTESTED for c in captures):
		return _(
			"This payment is disputed. Please answer the dispute in the gateway's dashboard. With a refund now, the customer could get the money twice."
		)
	left = sum((c.refundable() for c in captures), Decimal(0))
	if left <= 0:
		return _("This invoice has already been refunded in full, or a refund is in progress.")
	currency = captures[0].currency
	message = _("{0} is too much. Only {1} can still be refunded.")
	return message.format(money(amount, currency), money(left, currency))


def _check(capture: PaymentCapture, amount: Decimal) -> None:
	if amount <= 0:
		raise Unprocessable(_("The refund amount must be greater than 0."))
	try:
		to_minor(amount, capture.currency)
	except ValueError:
		raise Unprocessable(
			_("{0} has too many decimal places for {1}.").format(
				exact_money(amount, capture.currency), capture.currency
			)
		) from None
	if amount > capture.refundable():
		raise Unprocessable(refusal_message([capture], amount))
	if capture.gateway not in WITHOUT_GATEWAY:
		_check_gateway(adapter_class(capture.gateway), amount != to_decimal(capture.amount))


def _check_gateway(adapter: type[Gateway], is_partial: bool) -> None:
	if not adapter.capabilities.refunds:
		message = _("{0} does not support refunds through this app. Please make the refund in its dashboard.")
		raise Unprocessable(message.format(adapter.label))
	if is_partial and not adapter.capabilities.partial_refunds:
		raise Unprocessable(_("{0} supports full refunds only.").format(adapter.label))


def can_refund(capture: PaymentCapture, amount: Decimal) -> bool:
	"""Return whether this can be refunded through a gateway. Never raises: that would roll back the settlement that calls it."""
	try:
		_check(capture, amount)
	except Refusal:
		return False
	return capture.gateway not in WITHOUT_GATEWAY


def has_refunds(gateway: str) -> bool:
	return gateway in WITHOUT_GATEWAY or adapter_class(gateway).capabilities.refunds
