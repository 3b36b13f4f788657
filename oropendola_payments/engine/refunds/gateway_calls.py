"""Gateway requests about a refund: always to the account that took the money, and with the same idempotency key each time."""

import frappe
from frappe.utils import cint

from oropendola_payments.ai_billing.doctype.payment_refund.payment_refund import PaymentRefund
from oropendola_payments.engine.core.urls import api_url
from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.gateway.mode_guard import mode_of, other_mode_message
from oropendola_payments.engine.gateway.registry import adapter_of, settings_of
from oropendola_payments.gateways.base import Gateway, PaymentRef, RefundEvent, RefundRequest
from oropendola_payments.gateways.errors import NotSent
from oropendola_payments.money import quantize


def refund_status(refund: PaymentRefund) -> RefundEvent:
	"""Query the status of a refund at the gateway."""
	return call_gateway(refund.gateway, adapter_of_payment(refund).refund_status, build_request(refund))


def adapter_of_payment(refund: PaymentRefund) -> Gateway:
	"""Return the adapter of the account that took the money. In another mode the gateway's answer would be about another account."""
	adapter = adapter_of(refund.gateway)
	attempt = mode_of(refund.attempt)
	if attempt.mode != adapter.mode:
		raise NotSent(other_mode_message(attempt))
	return adapter


def build_request(refund: PaymentRefund) -> RefundRequest:
	capture = frappe.get_doc("Payment Capture", refund.capture)
	attempt = frappe.get_doc("Payment Attempt", capture.attempt)
	speed = (settings_of(refund.gateway).refund_speed or "Normal").lower()
	reference: PaymentRef = attempt.payment_ref()
	return RefundRequest(
		payment=reference,
		payment_id=capture.gateway_payment_id,
		amount=quantize(refund.amount, refund.currency),
		currency=refund.currency,
		key=refund.name,
		reason=refund.reason or "",
		speed=speed,
		captured_amount=quantize(capture.amount, capture.currency),
		refund_id=refund.gateway_refund_id or None,
		webhook_url=api_url(f"webhooks.receive?gateway={refund.gateway}"),
		sent_before=bool(cint(refund.may_have_arrived)),
	)
