"""Build the create request for a gateway from our records, never from what the client sent."""

from dataclasses import asdict

import frappe

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.checkout.payer import payer_of
from oropendola_payments.engine.core.urls import api_url, signed_view
from oropendola_payments.engine.gateway.idempotency import operation_key
from oropendola_payments.engine.gateway.registry import settings_of
from oropendola_payments.gateways.base import Customer, PaymentRequest


def build_request(
	attempt: PaymentAttempt,
	method_details: dict | None = None,
	customer: Customer | None = None,
	invoice: AIInvoice | None = None,
) -> PaymentRequest:
	fields = ["name", "description", "user", "subscription", "purpose"]
	invoice = invoice or frappe.db.get_value("AI Invoice", attempt.invoice, fields, as_dict=True)
	back = f"callbacks.returned?gateway={attempt.gateway}&attempt={attempt.name}{_view_of(attempt)}"
	return PaymentRequest(
		reference=attempt.name,
		amount=attempt.payment_ref().amount,
		currency=attempt.currency,
		description=invoice.description or invoice.name,
		customer=customer or _customer_of(attempt, invoice),
		return_url=api_url(back),
		cancel_url=api_url(f"{back}&cancelled=1"),
		webhook_url=api_url(f"webhooks.receive?gateway={attempt.gateway}"),
		idempotency_key=operation_key(attempt.name, "create"),
		flow=attempt.flow or "redirect",
		method=attempt.requested_method or None,
		method_details=method_details or {},
		invoice=invoice.name,
		refund_speed=(settings_of(attempt.gateway).refund_speed or "Normal").lower(),
	)


def _view_of(attempt: PaymentAttempt) -> str:
	"""Let whoever returns from the gateway see the outcome of this payment, which needs a log-in otherwise."""
	return f"&view={signed_view(attempt.name)}" if attempt.is_seen_by_guests() else ""


def _customer_of(attempt: PaymentAttempt, invoice: AIInvoice) -> Customer:
	"""The gateway's page may show what it gets, so somebody who pays through a link never gets the customer's own data."""
	return Customer("", "", account=attempt.name) if attempt.payment_link else payer_of(invoice).customer


def request_summary(request: PaymentRequest) -> dict:
	"""Return the request as it is stored, before redaction."""
	return {**asdict(request), "amount": str(request.amount)}
