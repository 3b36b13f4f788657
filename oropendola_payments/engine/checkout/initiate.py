"""Start a payment: repeated requests share one attempt, which is committed before the gateway is called."""

from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN, PaymentAttempt
from oropendola_payments.engine.checkout import attempts
from oropendola_payments.engine.checkout.attempts import AttemptRequest, Created, Existing
from oropendola_payments.engine.checkout.close_previous_attempts import close_previous_attempts
from oropendola_payments.engine.checkout.open_at_gateway import open_at_gateway, settings_changed_message
from oropendola_payments.engine.checkout.payer import own_attempt, own_invoice, payer_of
from oropendola_payments.engine.checkout.request import build_request
from oropendola_payments.engine.checkout.response import nothing_to_pay_response, payment_response
from oropendola_payments.engine.core.transactions import in_transaction, lock_attempt
from oropendola_payments.engine.frontends.addresses import ReturnTo
from oropendola_payments.engine.gateway.idempotency import fingerprint, operation_key
from oropendola_payments.engine.gateway.mode_guard import is_page_outdated
from oropendola_payments.engine.inbound.status_query import refresh_if_possible
from oropendola_payments.engine.phone import verification
from oropendola_payments.engine.plan_changes import lapse
from oropendola_payments.engine.settlement.attempt_outcomes import cancel_attempt
from oropendola_payments.exceptions import Conflict, Refusal
from oropendola_payments.gateways.base import Customer
from oropendola_payments.gateways.cards import refuse_card_data
from oropendola_payments.money import to_decimal

# Longer than all gateway calls of one request together: an older call without an answer was ended by a crash.
CALL_SECONDS = 60


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
	amount: Decimal | None = None,
	payment_link: str | None = None,
	return_to: ReturnTo | None = None,
) -> dict:
	"""Start a payment and return where to send the customer. A second click, another tab or a repeated key gets the same attempt.

	`amount` is a part of what is due, where the invoice may be paid in parts.
	"""
	details = method_details or {}
	refuse_card_data(details)
	parameters = _parameters(invoice_name, gateway, flow, method, details, amount, return_to, customer)
	key = operation_key("client", user, idempotency_key) if idempotency_key else None
	known = attempts.find_by_idempotency_key(key, parameters)
	if known:
		return _resume(frappe.get_doc("Payment Attempt", known), customer=customer)
	request = AttemptRequest(
		*(user, invoice_name, gateway, flow, method, key, parameters, confirms_phone, customer),
		amount=amount,
		payment_link=payment_link,
		return_to=return_to,
	)
	match _get_or_create(request):
		case Created() as created:
			return _open_new(created, details)
		case Existing(attempt):
			return _resume(attempt, details, customer)
	return nothing_to_pay_response(invoice_name)


def _get_or_create(request: AttemptRequest) -> Created | Existing | None:
	try:
		return attempts.get_or_create(request)
	except attempts.Lapsed:
		lapse.lapse(request.invoice)
		raise


def _parameters(
	invoice: str,
	gateway: str | None,
	flow: str | None,
	method: str | None,
	details: dict,
	amount: Decimal | None,
	return_to: ReturnTo | None,
	customer: Customer | None,
) -> str:
	"""Return a hash of what the client asked for, without what an older client could not ask for."""
	newer = [] if amount is None else [f"{amount.normalize():f}"]
	newer += [return_to.url] if return_to and return_to.url else []
	newer += [customer.name, customer.email, customer.phone] if customer else []
	return fingerprint(invoice, gateway or "", flow or "", method or "", *sorted(details.items()), *newer)


def retry(
	user: str,
	invoice_name: str,
	gateway: str | None = None,
	amount: Decimal | None = None,
	return_to: ReturnTo | None = None,
) -> dict:
	"""Retry a failed or abandoned payment, after a refresh of the open attempts."""
	invoice = own_invoice(user, invoice_name)
	for name in frappe.get_all(
		"Payment Attempt", {"invoice": invoice.name, "status": ("in", OPEN)}, pluck="name"
	):
		refresh_if_possible(name)
	own_invoice(user, invoice_name).require_retry()
	return initiate(
		user, invoice_name, gateway, amount=amount, return_to=return_to
	)  # the retry is counted with the new attempt, so not when no gateway is available


def resume(user: str, attempt_name: str) -> dict:
	"""Open an attempt at the gateway after the customer's phone was verified."""
	return _resume(own_attempt(user, attempt_name))


def bolt(user: str, invoice_name: str, embed_mode: str) -> dict:
	"""Start a payment with PayU Bolt and return what its script needs: `inline` opens over the page, `embedded` inside it."""
	started = initiate(user, invoice_name, "payu", embed_mode)
	sdk = started.get("sdk")
	if not sdk:
		raise Conflict(_("This payment can no longer be continued. Please start again."))
	return {
		"mode": f"bolt_{embed_mode}",
		"embed_mode": embed_mode == "embedded",
		"attempt": started["attempt"],
		"script": sdk["script"],
		"bolt_config": sdk["config"],
		**{mark: started[mark] for mark in ("is_mocked", "mock_notice") if mark in started},
	}


# New and existing attempts ------------------------------------------------------------------------


def _open_new(created: Created, details: dict) -> dict:
	attempt = created.attempt
	if attempt.phone_check == "Needed":
		return verification.send_code(attempt)
	close_previous_attempts(attempt, created.previous)
	request = build_request(attempt, details, created.customer, created.invoice)
	return open_at_gateway(attempt, request)


def _resume(attempt: PaymentAttempt, details: dict | None = None, customer: Customer | None = None) -> dict:
	if _has_answer(attempt):
		if attempt.status == "Processing" and not attempt.in_transit and is_page_outdated(attempt):
			raise Conflict(settings_changed_message())
		return payment_response(attempt)
	if attempt.phone_check == "Needed":
		return verification.send_code(attempt)
	leased = in_transaction(_lease_call, attempt)
	if isinstance(leased, Refusal):
		raise leased
	if leased:
		close_previous_attempts(attempt, attempts.attempts_of(attempt.invoice))
		return open_at_gateway(attempt, build_request(attempt, details, customer))
	attempt.reload()
	if _has_answer(attempt):
		return payment_response(attempt)
	raise Conflict(_("This payment is being prepared. Please try again in a few seconds."))


def _has_answer(attempt: PaymentAttempt) -> bool:
	return bool(attempt.checkout_data) or not attempt.is_open()


def _lease_call(attempt: PaymentAttempt) -> bool | Refusal:
	"""Lease the gateway call. True for one request only, until the lease of a crashed one expires.

	The refusal, and no payment, if the invoice was paid or cancelled while this attempt waited for a code or an answer.
	"""
	invoice, attempt = lock_attempt(attempt)
	if _has_answer(attempt):
		return False  # another request was faster
	try:
		attempts.require_payable(invoice, payer_of(invoice).subscription_status)
		attempts.require_none_in_transit(
			invoice, to_decimal(attempt.amount), attempts.attempts_of(invoice.name)
		)
	except Refusal as refusal:
		cancel_attempt(invoice, attempt)
		return refusal
	stored = frappe.parse_json(attempt.request_data) if attempt.request_data else None
	called_at = (stored or {}).get("called_at")
	if called_at and 0 <= (now_datetime() - get_datetime(called_at)).total_seconds() < CALL_SECONDS:
		return False
	attempt.write(request_data=attempts.call_started())
	return True
