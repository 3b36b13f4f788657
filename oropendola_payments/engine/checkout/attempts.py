"""Get or create the attempt before the gateway is called, under the invoice's lock, so that repeated clicks share one attempt."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import get_datetime, now_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED, AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import (
	OPEN,
	PaymentAttempt,
	new_attempt,
)
from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.engine.checkout import gateway_choice
from oropendola_payments.engine.checkout.payer import payer_of
from oropendola_payments.engine.core import after_commit
from oropendola_payments.engine.core.transactions import in_transaction, lock, lock_own_invoice
from oropendola_payments.engine.coupons import redemptions
from oropendola_payments.engine.entitlements.fulfilment import fulfil
from oropendola_payments.engine.frontends.addresses import ReturnTo
from oropendola_payments.engine.gateway import polling
from oropendola_payments.engine.gateway.mode_guard import is_under_earlier_keys
from oropendola_payments.engine.gateway.registry import settings_of
from oropendola_payments.engine.parts import rules as parts
from oropendola_payments.engine.phone import verification
from oropendola_payments.engine.settlement.under_way import in_transit_message
from oropendola_payments.engine.subscriptions import retries
from oropendola_payments.engine.tax import reprice
from oropendola_payments.exceptions import BadRequest, Conflict, Unprocessable
from oropendola_payments.gateways.base import Customer
from oropendola_payments.money import to_decimal

# An attempt that expires within this time is not reused.
FRESH_SECONDS = 120


@dataclass(frozen=True)
class AttemptRequest:
	"""A customer's request. `parameters` is a hash, to detect a repeated key with other parameters."""

	user: str
	invoice: str
	gateway: str | None
	flow: str | None
	method: str | None
	key: str | None
	parameters: str
	confirms_phone: bool = False  # the caller verifies the phone itself, after the order is open
	customer: Customer | None = None  # who pays, where it is not the user's own profile
	amount: Decimal | None = None  # a part of what is due
	payment_link: str | None = None  # through which somebody without a log-in pays
	return_to: ReturnTo | None = None  # a frontend of the seller's own


@dataclass(frozen=True)
class Created:
	"""A new attempt, which the caller opens at the gateway. `previous` are rows of the invoice's other attempts."""

	attempt: PaymentAttempt
	invoice: AIInvoice
	customer: Customer
	previous: tuple


@dataclass(frozen=True)
class Existing:
	"""An attempt that an earlier or concurrent request created, in any status."""

	attempt: PaymentAttempt


def find_by_idempotency_key(key: str | None, parameters: str) -> str | None:
	"""Return the attempt that was created with this client key, or None. Raises Conflict if the parameters differ."""
	row = key and frappe.db.get_value(
		"Payment Attempt", {"idempotency_key": key}, ["name", "request_fingerprint"], as_dict=True
	)
	if row and row.request_fingerprint != parameters:
		raise Conflict(
			_("This idempotency key was already used with other parameters. Please use a new one.")
		)
	return row.name if row else None


def get_or_create(request: AttemptRequest) -> Created | Existing | None:
	"""Return the matching open attempt or a new one, or None if nothing was due: then the invoice is marked as paid and fulfilled."""
	try:
		return in_transaction(_get_or_create, request)
	except frappe.DuplicateEntryError:
		# A concurrent request with the same client key was faster: return its attempt.
		name = find_by_idempotency_key(request.key, request.parameters)
		if not name:
			raise
		return Existing(frappe.get_doc("Payment Attempt", name))


def _get_or_create(request: AttemptRequest) -> Created | Existing | None:
	invoice = lock_own_invoice(request.user, request.invoice)
	payer = payer_of(invoice)
	require_payable(invoice, payer.subscription_status)
	rows = attempts_of(invoice.name)
	tax = reprice.refresh(invoice, any(row.status in OPEN for row in rows), payer.buyer)
	if not invoice.outstanding() and invoice.status in ("Pending", "Failed", "Abandoned"):
		_settle_without_money(invoice)
		return None
	reprice.require_known(invoice, tax)
	amount = _amount(invoice, request, rows)
	require_none_in_transit(invoice, amount, rows)
	code = gateway_choice.choose(
		request.gateway, invoice.currency, amount, request.method, invoice.requested_gateway
	)
	flow = _flow(code, request.flow)
	_require_method(code, request.method)
	phone_check = "" if request.confirms_phone else verification.initial_phone_check(code)
	own = [row for row in rows if _may_be_reused(row, request, code)]
	reusable = _reusable_attempt(own, invoice, amount, code, flow, request.method, phone_check)
	if reusable:
		return Existing(_store_key(reusable, request))
	customer = request.customer or payer.customer
	_require_phone(code, customer)
	retries.require_try_left(invoice, payer.failed_tries)
	if invoice.status in ("Failed", "Abandoned"):
		invoice.increment_retry()  # every new attempt counts as a retry, not only one from `retry`
	made = _create(invoice, amount, code, flow, request, phone_check)
	return Created(made, invoice, customer, tuple(rows))


class Lapsed(Conflict):
	"""The invoice could be paid until a certain time, which is over."""

	error_code = "quote_lapsed"


def _settle_without_money(invoice: AIInvoice) -> None:
	redemptions.reserve_again(invoice)
	with invoice.joined_writes():
		invoice.mark_as_paid(amount_paid=0)
		fulfil(invoice)
	after_commit.enqueue_after_commit(
		"oropendola_payments.engine.notifications.hooks.nothing_to_pay",
		queue=after_commit.MAILS,
		invoice=invoice.name,
	)


class PhoneMissing(Unprocessable):
	"""Refused before an attempt exists, so that a missing number counts neither as a failure nor as a retry."""

	error_code = "phone_missing"
	missing = ("phone",)


def _require_phone(code: str, customer: Customer) -> None:
	if adapter_class(code).capabilities.needs_phone and not customer.phone:
		message = _("{0} needs your phone number. Please add it and try again.")
		raise PhoneMissing(message.format(settings_of(code).label))


def _store_key(name: str, request: AttemptRequest) -> PaymentAttempt:
	"""Return the open attempt, and store the client key on it if it has none yet."""
	attempt = lock("Payment Attempt", name)
	if request.key and not attempt.idempotency_key:
		attempt.write(idempotency_key=request.key, request_fingerprint=request.parameters)
	return attempt


def require_payable(invoice: AIInvoice, subscription_status: str | None = None) -> None:
	"""Raise Conflict if nobody should pay this invoice now."""
	if invoice.status in SETTLED:
		raise Conflict(_("Invoice {0} is already paid.").format(invoice.name))
	if invoice.status == "Cancelled":
		raise Conflict(_("Invoice {0} was cancelled. Please subscribe again.").format(invoice.name))
	if invoice.status == "Closed":
		message = _(
			"Invoice {0} was closed, and the rest of it is not owed. Please renew to get a new invoice."
		)
		raise Conflict(message.format(invoice.name))
	if invoice.status in ("Failed", "Abandoned") and not invoice.can_retry():
		raise Conflict(
			_(
				"Invoice {0} has had too many payment attempts. Please request a new invoice on the billing page, or contact us."
			).format(invoice.name)
		)
	if invoice.is_expired():
		raise Lapsed(
			_("The time to pay invoice {0} is over. Please choose the plan again.").format(invoice.name)
		)
	if subscription_status == "Cancelled":
		raise Conflict(
			_("The subscription of invoice {0} was cancelled. Please subscribe again.").format(invoice.name)
		)


def require_none_in_transit(invoice: AIInvoice, amount: Decimal, rows: Iterable[frappe._dict]) -> None:
	"""Raise Conflict if this amount was paid already, and only the bank or the gateway has still to decide."""
	paid = [row for row in rows if row.in_transit and row.status in OPEN]
	if any(not row.is_part or _is_for_same_part(row, invoice, amount) for row in paid):
		raise Conflict(in_transit_message())


def attempts_of(invoice: str) -> list:
	"""Return the fields that decide about reuse, for all attempts of an invoice, the newest first."""
	fields = ["name", "gateway", "flow", "mode", "status", "amount", "is_part", "in_transit", "paid_before", "requested_method",
		"request_fingerprint", "initiated_at", "phone_check", "expires_at", "gateway_order_id", "checkout_data", "payment_link", "return_origin", "return_url"]  # fmt: skip
	return frappe.get_all("Payment Attempt", {"invoice": invoice}, fields, order_by="creation desc")


def _reusable_attempt(
	rows: list,
	invoice: AIInvoice,
	amount: Decimal,
	code: str,
	flow: str,
	method: str | None,
	phone_check: str,
) -> str | None:
	fresh = now_datetime() + timedelta(seconds=FRESH_SECONDS)
	for row in rows:
		if (row.gateway, row.flow) != (code, flow) or row.status not in OPEN:
			continue
		alive = not row.expires_at or get_datetime(row.expires_at) > fresh
		same = _is_for_same_part(row, invoice, amount) and row.mode == settings_of(code).mode
		# After a timeout it may be open, but its URL is unknown: the reconciler queries it, and the customer gets a new one.
		lost = row.status != "Created" and not row.checkout_data
		confirmed = (row.phone_check or "") in ("Confirmed", phone_check)
		if alive and same and not lost and confirmed and (row.requested_method or None) == method:
			return row.name
	return None


def _may_be_reused(row: frappe._dict, request: AttemptRequest, code: str) -> bool:
	if not _is_by_same_way(row, request) or not _has_same_details(row, request, code):
		return False
	return row.gateway != code or not is_under_earlier_keys(row)


def _is_by_same_way(row: frappe._dict, request: AttemptRequest) -> bool:
	"""Return whether the attempt was opened for the same page: what it shows and where it returns to depends on that."""
	back = ReturnTo(row.return_origin, row.return_url or None) if row.return_origin else None
	return (row.payment_link or None, back) == (request.payment_link, request.return_to)


def _has_same_details(row: frappe._dict, request: AttemptRequest, code: str) -> bool:
	"""Return whether an attempt is for the same UPI ID, bank or card, and for the same payer where that is not the user.

	The gateway has both by now, and its page may show who pays.
	"""
	is_special = request.customer or request.method in adapter_class(code).capabilities.direct_methods
	return not is_special or row.request_fingerprint == request.parameters


def _is_for_same_part(row: frappe._dict, invoice: AIInvoice, amount: Decimal) -> bool:
	if to_decimal(row.amount) != amount:
		return False
	if amount == invoice.outstanding():
		return True
	return bool(row.is_part) and to_decimal(row.paid_before or 0) == invoice.paid()


def _amount(invoice: AIInvoice, request: AttemptRequest, rows: list) -> Decimal:
	"""Return what this attempt pays: all that is due, or the part that was asked for, if it may be paid now."""
	now = now_datetime()
	alive = [row for row in rows if row.status in OPEN and _may_bring_money(row, now)]
	others = [to_decimal(row.amount) for row in alive]
	if request.amount is not None and request.amount != invoice.outstanding():
		return parts.amount_to_pay(invoice, request.amount, request.gateway, others)
	if any(row.is_part for row in alive):
		parts.require_room(invoice, invoice.outstanding(), others)
	return invoice.outstanding()


def _may_bring_money(row: frappe._dict, now: datetime) -> bool:
	return row.in_transit or not row.expires_at or get_datetime(row.expires_at) > now


def _create(
	invoice: AIInvoice, amount: Decimal, code: str, flow: str, request: AttemptRequest, phone_check: str
) -> PaymentAttempt:
	attempt = new_attempt(
		invoice,
		gateway=code,
		mode=settings_of(code).mode,
		flow=flow,
		amount=amount,
		is_part=int(amount != invoice.outstanding()),
		paid_before=invoice.paid(),
		payment_method=common_name(code, request.method),
		requested_method=request.method,
		phone_check=phone_check,
		idempotency_key=request.key,
		request_fingerprint=request.parameters,
		request_data=None if phone_check else call_started(),
		payment_link=request.payment_link,
		return_origin=request.return_to.origin if request.return_to else None,
		return_url=request.return_to.url if request.return_to else None,
	)
	attempt.next_check_at = polling.next_check(attempt)
	attempt.add()
	invoice.record(
		"attempt_created",
		attempt,
		to_status="Created",
		gateway=code,
		amount=attempt.amount,
		currency=attempt.currency,
		**({"link": request.payment_link} if request.payment_link else {}),
	)
	return attempt


def call_started() -> str:
	"""Return the `request_data` of an attempt while its gateway is being called."""
	return frappe.as_json({"called_at": now_datetime()})


def _require_method(code: str, method: str | None) -> None:
	capabilities = adapter_class(code).capabilities
	methods = dict.fromkeys((*capabilities.methods, *capabilities.direct_methods))
	if method and method not in methods:
		raise BadRequest(
			_("{0} does not offer the method {1}. Please choose one of: {2}.").format(
				code, method, ", ".join(methods)
			)
		)


def common_name(code: str, method: str | None) -> str | None:
	"""Return the name that all gateways use for a requested method: `upi` for `upi_qr`."""
	return adapter_class(code).capabilities.direct_methods.get(method or "", method)


def _flow(code: str, flow: str | None) -> str:
	flows = adapter_class(code).capabilities.flows
	if flow and flow not in flows:
		raise BadRequest(
			_("{0} does not support the flow {1}. Please choose one of: {2}.").format(
				code, flow, ", ".join(flows)
			)
		)
	embed = "embedded" in flows and settings_of(code).embed_checkout
	return flow or ("embedded" if embed else flows[0])
