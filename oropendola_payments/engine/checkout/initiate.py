"""Opening a payment: claim, commit, call, record. No gateway is called inside a lock or an open transaction."""

from dataclasses import replace

import frappe
from frappe import _
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import (
	OPEN,
	PaymentAttempt,
)
from oropendola_payments.engine.checkout import attempts as attempt_requests
from oropendola_payments.engine.checkout import close_previous_attempts
from oropendola_payments.engine.checkout.attempts import AttemptRequest, Claim
from oropendola_payments.engine.checkout.lookup import own_attempt, own_invoice
from oropendola_payments.engine.checkout.request import build_request, request_summary
from oropendola_payments.engine.checkout.response import checkout_data, payment_response
from oropendola_payments.engine.core.event_order import local_time
from oropendola_payments.engine.core.redaction import redact
from oropendola_payments.engine.core.transactions import in_transaction, lock, lock_attempt
from oropendola_payments.engine.core.urls import result_url
from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.gateway.call import call_gateway
from oropendola_payments.engine.gateway.idempotency import fingerprint, operation_key
from oropendola_payments.engine.gateway.registry import adapter_of
from oropendola_payments.engine.inbound import status_query
from oropendola_payments.engine.phone import verification
from oropendola_payments.engine.settlement.attempt_outcomes import (
	close_attempt,
)
from oropendola_payments.exceptions import Conflict
from oropendola_payments.gateways.base import Checkout, Customer, Outcome, PaymentEvent, PaymentRequest
from oropendola_payments.gateways.cards import refuse_card_data
from oropendola_payments.gateways.errors import GatewayError, GatewayRefused, NotSent

# Longer than all calls of one opening together: a claim this old without an answer was left by a crash.
CLAIM_SECONDS = 60


def initiate(
	user: str,
	invoice_name: str,
	gateway: str | None = None,
	flow: str | None = None,
	idempotency_key: str | None = None,
	method: str | None = None,
	method_details: dict | None = None,
	customer: Customer | None = None,
	confirms_phone: bool = False,
) -> dict:
	"""Where to send the customer. A second click, another tab or a repeated key gets the same attempt."""
	refuse_card_data(method_details or {})
	details = sorted((method_details or {}).items())
	wanted = fingerprint(invoice_name, gateway or "", flow or "", method or "", *details)
	key = operation_key("client", user, idempotency_key) if idempotency_key else None
	known = attempt_requests.find_by_idempotency_key(key, wanted)
	if known:
		return _continue(Claim(frappe.get_doc("Payment Attempt", known)), customer=customer)
	claim = attempt_requests.get_or_create(
		AttemptRequest(user, invoice_name, gateway, flow, method, key, wanted, confirms_phone)
	)
	return _continue(claim, method_details, customer) if claim else _nothing_to_pay(invoice_name)


def retry(user: str, invoice_name: str, gateway: str | None = None) -> dict:
	"""Another try after a failed or abandoned payment. What the last try really came to is asked first."""
	_ask_about_open(own_invoice(user, invoice_name))
	own_invoice(user, invoice_name).require_retry()
	return initiate(user, invoice_name, gateway)  # its claim counts the retry, when there is a way to pay


def bolt(user: str, invoice_name: str, embed_mode: str) -> dict:
	"""What PayU's script needs to open over the page (`inline`) or inside it (`embedded`)."""
	started = initiate(user, invoice_name, "payu", embed_mode)
	sdk = started.get("sdk")
	if not sdk:
		raise Conflict(_("This payment can no longer be opened. Please start again."))
	return {
		"mode": f"bolt_{embed_mode}",
		"embed_mode": embed_mode,
		"attempt": started["attempt"],
		"script": sdk["script"],
		"bolt_config": sdk["config"],
		**{mark: started[mark] for mark in ("is_mocked", "mock_notice") if mark in started},
	}


def choose_method(attempt_name: str, method: str, details: dict, customer: Customer | None = None) -> dict:
	"""Pay an order that is already open by one method, such as UPI: the gateway is asked to collect."""
	attempt = frappe.get_doc("Payment Attempt", attempt_name)
	request = replace(
		build_request(attempt, details, customer),
		method=method,
		idempotency_key=operation_key(attempt.name, "create", method),
	)
	frappe.db.commit()
	adapter = adapter_of(attempt.gateway, for_new_payment=True)
	opened = call_gateway(attempt.gateway, adapter.create, request)
	in_transaction(_record_method, attempt, method, opened)
	return payment_response(frappe.get_doc("Payment Attempt", attempt.name))


def resume(user: str, attempt_name: str) -> dict:
	"""Open an attempt at the gateway that only waited for the customer's phone to be confirmed."""
	return _continue(Claim(own_attempt(user, attempt_name)))


# Call and record ----------------------------------------------------------------------------------


def _continue(claim: Claim, method_details: dict | None = None, customer: Customer | None = None) -> dict:
	attempt = claim.attempt
	if _has_answer(attempt):
		return payment_response(attempt)
	if attempt.phone_check == "Needed":
		return verification.send_code(attempt)
	if claim.is_new or in_transaction(_take_call, attempt.name):
		close_previous_attempts.close_previous_attempts(
			attempt, claim.earlier if claim.is_new else attempt_requests.attempts_of(attempt.invoice)
		)
		return _open_at_gateway(attempt, build_request(attempt, method_details, customer, claim.invoice))
	attempt.reload()
	if _has_answer(attempt):
		return payment_response(attempt)
	raise Conflict(_("This payment is being prepared. Please try again in a few seconds."))


def _has_answer(attempt) -> bool:
	return bool(attempt.checkout_data) or not attempt.is_open()


def _take_call(name: str) -> bool:
	"""True for the one request that may call the gateway now. A call that was left by a crash may be taken over."""
	attempt = lock("Payment Attempt", name)
	if _has_answer(attempt):
		return False  # another request was faster
	called_at = (
		(frappe.parse_json(attempt.request_data) or {}).get("called_at") if attempt.request_data else None
	)
	if called_at and 0 <= (now_datetime() - get_datetime(called_at)).total_seconds() < CLAIM_SECONDS:
		return False
	attempt.write(request_data=attempt_requests.call_started())
	return True


def _open_at_gateway(attempt, request: PaymentRequest) -> dict:
	try:
		adapter = adapter_of(attempt.gateway, for_new_payment=True)
		opened = call_gateway(attempt.gateway, adapter.create, request)
	except (NotSent, GatewayRefused) as error:
		in_transaction(_record_refusal, attempt, error)
		raise
	except GatewayError as error:
		in_transaction(_record_unknown, attempt, error)
		raise
	return payment_response(in_transaction(_record_opened, attempt, request, opened))


def _record_opened(attempt, request: PaymentRequest, opened: Checkout):
	invoice, attempt = lock_attempt(attempt)
	if attempt.checkout_data:
		return attempt  # a second caller after a crash was faster
	values = {
		"gateway_order_id": attempt.gateway_order_id or opened.order_id,
		"gateway_payment_id": attempt.gateway_payment_id or opened.payment_id,
		"expires_at": opened.expires_at and local_time(opened.expires_at),
		"checkout_data": PaymentAttempt.seal(checkout_data(opened)),
		"request_data": frappe.as_json(redact(request_summary(request))),
	}
	if attempt.status == "Created":
		attempt.mark_as_processing(**values)
		invoice.record("attempt_opened", attempt, "Created", "Processing", order=opened.order_id)
	else:
		attempt.write(**values)  # a webhook overtook the answer
	if attempt.is_open() and invoice.can_move_to("Processing"):
		invoice.mark_as_processing(payment_gateway=attempt.gateway)
	else:
		invoice.write()
	return attempt


def _record_method(attempt, method: str, opened: Checkout):
	invoice, attempt = lock_attempt(attempt)
	if not attempt.is_open():
		return
	attempt.write(payment_method=method, checkout_data=PaymentAttempt.seal(checkout_data(opened)))
	invoice.record("method_chosen", attempt, method=method)
	invoice.write()


def _record_refusal(attempt, error: GatewayError):
	invoice, attempt = lock_attempt(attempt)
	event = PaymentEvent(
		Outcome.FAILED, reference=attempt.name, reason=str(error), error_code=error.gateway_code or error.code
	)
	close_attempt(invoice, attempt, event)


def _record_unknown(attempt, error: GatewayError):
	"""It may have been opened: the attempt stays open and the reconciler asks."""
	invoice, attempt = lock_attempt(attempt)
	if attempt.status == "Created":
		attempt.mark_as_processing(
			error_code=error.code, error_message=str(error)[:500], next_check_at=polling.soon()
		)
		invoice.record("attempt_unknown", attempt, "Created", "Processing", reason=str(error))
	if invoice.can_move_to("Processing"):
		invoice.mark_as_processing()
	else:
		invoice.write()


# Retry, cancel, nothing to pay ---------------------------------------------------------------------


def _ask_about_open(invoice):
	for name in frappe.get_all(
		"Payment Attempt", {"invoice": invoice.name, "status": ("in", OPEN)}, pluck="name"
	):
		try:
			status_query.ask_unless_recent(name)
		except GatewayError:
			frappe.db.rollback()  # an outage of the old gateway does not stop a new try; a late payment is honoured


def _nothing_to_pay(name: str) -> dict:
	return {
		"attempt": None,
		"payment_url": result_url(invoice=name),
		"next_action": "redirect",
		"is_mocked": False,
	}
