"""Open an attempt at its gateway: call it outside any lock or transaction, then record the answer."""

from dataclasses import replace

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.engine.checkout.attempts import common_name, require_payable
from oropendola_payments.engine.checkout.request import build_request, request_summary
from oropendola_payments.engine.checkout.response import checkout_data, payment_response
from oropendola_payments.engine.core.event_order import local_time
from oropendola_payments.engine.core.redaction import redact
from oropendola_payments.engine.core.transactions import in_transaction, lock, lock_attempt
from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.gateway.idempotency import operation_key
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.inbound.withdraw import withdraw_if_possible
from oropendola_payments.engine.settlement.attempt_outcomes import close_attempt, lock_and_cancel
from oropendola_payments.exceptions import Conflict, Refusal
from oropendola_payments.gateways.base import (
	Checkout,
	Customer,
	Gateway,
	Outcome,
	PaymentEvent,
	PaymentRequest,
)
from oropendola_payments.gateways.errors import CredentialsRefused, GatewayError, GatewayRefused, NotSent


def open_at_gateway(attempt: PaymentAttempt, request: PaymentRequest) -> dict:
	"""Open the attempt and return where to send the customer. After a timeout it stays open, because the gateway may have opened it."""
	try:
		adapter = adapter_of(attempt.gateway, for_new_payment=True)
		_require_same_mode(attempt, adapter)
		opened = call_gateway(attempt.gateway, adapter.create, request)
	except (NotSent, GatewayRefused) as error:
		in_transaction(_record_refusal, attempt, error)
		raise
	except GatewayError as error:
		in_transaction(_record_unknown, attempt, error)
		raise
	attempt, refusal = in_transaction(_record_opened, attempt, request, opened)
	if refusal:
		withdraw_if_possible(attempt.name)
		raise refusal
	return payment_response(attempt)


def _require_same_mode(attempt: PaymentAttempt, adapter: Gateway) -> None:
	"""Cancel an attempt that was made before the gateway's mode changed: its money would arrive in the other account, unrecorded."""
	if adapter.mode != attempt.mode:
		in_transaction(lock_and_cancel, attempt)
		raise Conflict(settings_changed_message())


def settings_changed_message() -> str:
	return _("The payment settings have just been changed. Please start the payment again.")


def choose_method(attempt_name: str, method: str, details: dict, customer: Customer | None = None) -> dict:
	"""Start the collection of an open order by one method, such as UPI."""
	attempt = frappe.get_doc("Payment Attempt", attempt_name)
	request = replace(
		build_request(attempt, details, customer),
		method=method,
		idempotency_key=operation_key(attempt.name, "create", method),
	)
	frappe.db.commit()
	adapter = adapter_of(attempt.gateway, for_new_payment=True)
	_require_same_mode(attempt, adapter)
	opened = call_gateway(attempt.gateway, adapter.create, request)
	in_transaction(_record_method, attempt, method, opened)
	return payment_response(frappe.get_doc("Payment Attempt", attempt.name))


def _record_opened(
	attempt: PaymentAttempt, request: PaymentRequest, opened: Checkout
) -> tuple[PaymentAttempt, Refusal | None]:
	"""Record the answer, and return why nobody should pay any more, if the invoice was paid or cancelled during the call.

	Who changes an attempt holds its invoice's lock, so that the status alone tells whether somebody was faster.
	"""
	invoice = lock("AI Invoice", attempt.invoice)
	if attempt.mark_as_opened(**_answer(attempt, request, opened)):
		invoice.record("attempt_opened", attempt, "Created", "Processing", order=opened.order_id)
	else:
		attempt = lock("Payment Attempt", attempt.name)
		if attempt.checkout_data:
			return attempt, None  # another request took over after a crash and was faster
		attempt.write(**_answer(attempt, request, opened))  # a webhook arrived before the answer
	if attempt.is_open() and invoice.can_move_to("Processing"):
		invoice.mark_as_processing(payment_gateway=attempt.gateway)
	return attempt, _refusal(invoice) if attempt.is_open() else None


def _refusal(invoice: AIInvoice) -> Refusal | None:
	try:
		require_payable(invoice)
	except Refusal as refusal:
		return refusal
	return None


def _answer(attempt: PaymentAttempt, request: PaymentRequest, opened: Checkout) -> dict:
	return {
		"gateway_order_id": attempt.gateway_order_id or opened.order_id,
		"gateway_payment_id": attempt.gateway_payment_id or opened.payment_id,
		"expires_at": opened.expires_at and local_time(opened.expires_at),
		"checkout_data": PaymentAttempt.seal(checkout_data(opened)),
		"request_data": frappe.as_json(redact(request_summary(request))),
	}


def _record_method(attempt: PaymentAttempt, method: str, opened: Checkout) -> None:
	invoice, attempt = lock_attempt(attempt)
	if not attempt.is_open():
		return
	attempt.write(
		payment_method=common_name(attempt.gateway, method),
		requested_method=method,
		checkout_data=PaymentAttempt.seal(checkout_data(opened)),
	)
	invoice.record("method_chosen", attempt, method=method)


def _record_refusal(attempt: PaymentAttempt, error: GatewayError) -> None:
	invoice, attempt = lock_attempt(attempt)
	# The provider's code of our own trouble, such as wrong keys, is no reason of a declined payment.
	is_ours = isinstance(error, (NotSent, CredentialsRefused))
	code = error.code if is_ours else error.gateway_code or error.code
	event = PaymentEvent(Outcome.FAILED, reference=attempt.name, reason=str(error), error_code=code)
	close_attempt(invoice, attempt, event)


def _record_unknown(attempt: PaymentAttempt, error: GatewayError) -> None:
	"""Leave the attempt open for the reconciler to query, because the gateway may have opened it."""
	invoice, attempt = lock_attempt(attempt)
	if attempt.status == "Created":
		attempt.mark_as_processing(
			error_code=error.code, error_message=str(error)[:500], next_check_at=polling.soon()
		)
		invoice.record("attempt_unknown", attempt, "Created", "Processing", reason=str(error))
	if invoice.can_move_to("Processing"):
		invoice.mark_as_processing()
