"""Opening a payment: claim, commit, call, record. No gateway is called inside a lock or an open transaction."""

from dataclasses import asdict, replace
from datetime import timedelta

import frappe
from frappe import _
from frappe.utils import get_datetime, get_url, now_datetime

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import SETTLED
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import OPEN, PaymentAttempt, new_reference
from oropendola_payments.engine import asking, gateway_list, schedule
from oropendola_payments.engine.adapters import adapter_class, adapter_of, settings_of
from oropendola_payments.engine.keys import fingerprint, operation_key
from oropendola_payments.engine.masking import masked
from oropendola_payments.engine.settlement import close_attempt
from oropendola_payments.engine.transactions import in_transaction, lock
from oropendola_payments.exceptions import BadRequest, Conflict, NotFound
from oropendola_payments.gateways.base import Checkout, Customer, Outcome, PaymentEvent, PaymentRequest
from oropendola_payments.gateways.errors import GatewayError, GatewayRefused, NotSent
from oropendola_payments.gateways.money import to_decimal

# Longer than all calls of one opening together: a claim this old without an answer was left by a crash.
CLAIM_SECONDS = 60
# A checkout that is about to close is not offered again.
FRESH_SECONDS = 120


def initiate(
	user: str,
	invoice_name: str,
	gateway: str | None = None,
	flow: str | None = None,
	idempotency_key: str | None = None,
	method: str | None = None,
	method_details: dict | None = None,
	customer: Customer | None = None,
) -> dict:
	"""Where to send the customer. A second click, another tab or a repeated key gets the same attempt."""
	wanted = fingerprint(invoice_name, gateway or "", flow or "", method or "")
	key = operation_key("client", user, idempotency_key) if idempotency_key else None
	known = _repeated(key, wanted)
	invoice = own_invoice(user, invoice_name)
	if known:
		return _continue(known, customer=customer)
	if not invoice.outstanding() and invoice.status == "Pending":
		return in_transaction(_pay_nothing, invoice.name)
	code = gateway_list.choose(gateway, invoice.currency)
	flow = _flow(code, flow)
	name = in_transaction(_claim, invoice.name, code, flow, method, key, wanted)
	return _continue(name, method_details, customer)


def retry(user: str, invoice_name: str, gateway: str | None = None) -> dict:
	"""Another try after a failed or abandoned payment. What the last try really came to is asked first."""
	invoice = own_invoice(user, invoice_name)
	_ask_about_open(invoice)
	in_transaction(_open_again, invoice.name)
	return initiate(user, invoice_name, gateway)


def cancel(user: str, attempt_name: str) -> dict:
	"""Withdraw an attempt, unless the gateway says that money moved."""
	attempt = own_attempt(user, attempt_name)
	if not attempt.is_open():
		return _standing(attempt.name)
	asking.withdraw(attempt.name) or asking.ask(attempt.name)
	in_transaction(_withdraw_locked, attempt.name)
	return _standing(attempt.name)


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
		"is_mocked": started["is_mocked"],
	}


def choose_method(attempt_name: str, method: str, details: dict, customer: Customer | None = None) -> dict:
	"""Pay an order that is already open by one method, such as UPI: the gateway is asked to collect."""
	attempt = frappe.get_doc("Payment Attempt", attempt_name)
	request = replace(
		request_of(attempt, details, customer),
		method=method,
		idempotency_key=operation_key(attempt.name, "create", method),
	)
	frappe.db.commit()
	adapter = adapter_of(attempt.gateway, for_new_payment=True)
	opened = asking.call_gateway(attempt.gateway, adapter.create, request)
	in_transaction(_record_method, attempt.name, method, opened)
	return answer(frappe.get_doc("Payment Attempt", attempt.name))


def own_invoice(user: str, name: str):
	"""The invoice, for its owner. A stranger's invoice does not exist for anybody else."""
	if frappe.db.get_value("AI Invoice", name, "user") != user:
		raise NotFound(_("You have no invoice {0}.").format(name))
	return frappe.get_doc("AI Invoice", name)


def own_attempt(user: str, name: str):
	if frappe.db.get_value("Payment Attempt", name, "user") != user:
		raise NotFound(_("You have no payment {0}.").format(name))
	return frappe.get_doc("Payment Attempt", name)


# Claim --------------------------------------------------------------------------------------------


def _repeated(key: str | None, wanted: str) -> str | None:
	row = key and frappe.db.get_value(
		"Payment Attempt", {"idempotency_key": key}, ["name", "request_fingerprint"], as_dict=True
	)
	if row and row.request_fingerprint != wanted:
		raise Conflict(_("This idempotency key was used with other parameters. Please choose a new one."))
	return row.name if row else None


def _claim(invoice_name: str, code: str, flow: str, method: str | None, key: str | None, wanted: str) -> str:
	invoice = lock("AI Invoice", invoice_name)
	_require_payable(invoice)
	reusable = _live_attempt(invoice, code, flow, method)
	if reusable:
		return reusable
	return _new_attempt(invoice, code, flow, method, key, wanted)


def _require_payable(invoice):
	if invoice.status in SETTLED:
		raise Conflict(_("Invoice {0} is already paid.").format(invoice.name))
	if invoice.status == "Cancelled":
		raise Conflict(_("Invoice {0} was cancelled. Please subscribe again.").format(invoice.name))
	if invoice.status in ("Failed", "Abandoned") and not invoice.can_retry():
		raise Conflict(_("Invoice {0} was tried too often. Please contact us to pay it.").format(invoice.name))
	subscription = invoice.subscription and frappe.db.get_value("AI Subscription", invoice.subscription, "status")
	if subscription == "Cancelled":
		raise Conflict(_("The subscription of invoice {0} was cancelled. Please subscribe again.").format(invoice.name))


def _live_attempt(invoice, code: str, flow: str, method: str | None) -> str | None:
	filters = {"invoice": invoice.name, "gateway": code, "flow": flow, "status": ("in", OPEN)}
	fields = ["name", "amount", "mode", "payment_method", "expires_at", "initiated_at", "status"]
	fresh = now_datetime() + timedelta(seconds=FRESH_SECONDS)
	for row in frappe.get_all("Payment Attempt", filters, fields, order_by="creation desc"):
		alive = not row.expires_at or get_datetime(row.expires_at) > fresh
		same = to_decimal(row.amount) == invoice.outstanding() and row.mode == settings_of(code).mode
		if alive and same and (row.payment_method or None) == method:
			return row.name
	return None


def _new_attempt(invoice, code: str, flow: str, method: str | None, key: str | None, wanted: str) -> str:
	attempt = frappe.new_doc("Payment Attempt")
	attempt.name = new_reference()
	attempt.update(
		{
			"invoice": invoice.name,
			"user": invoice.user,
			"gateway": code,
			"mode": settings_of(code).mode,
			"flow": flow,
			"amount": invoice.outstanding(),
			"currency": invoice.currency,
			"status": "Created",
			"payment_method": method,
			"idempotency_key": key,
			"request_fingerprint": wanted,
			"initiated_at": now_datetime(),
			"next_check_at": schedule.soon(),
			"check_count": 0,
		}
	)
	attempt.db_insert()
	invoice.record(
		"attempt_created", attempt, to_status="Created", gateway=code, amount=attempt.amount, currency=attempt.currency
	)
	invoice.write()
	return attempt.name


# Call and record ----------------------------------------------------------------------------------


def _continue(name: str, method_details: dict | None = None, customer: Customer | None = None) -> dict:
	attempt = frappe.get_doc("Payment Attempt", name)
	if attempt.checkout_data or not attempt.is_open():
		return answer(attempt)
	age = (now_datetime() - get_datetime(attempt.initiated_at)).total_seconds()
	if age < CLAIM_SECONDS and not in_transaction(_take_call, name):
		raise Conflict(_("This payment is being prepared. Please try again in a few seconds."))
	return _open_at_gateway(attempt, request_of(attempt, method_details, customer))


def _take_call(name: str) -> bool:
	"""True for the one request that may call the gateway for a fresh claim."""
	attempt = lock("Payment Attempt", name)
	if attempt.request_data:
		return False
	attempt.write(request_data=frappe.as_json({"called_at": now_datetime()}))
	return True


def _open_at_gateway(attempt, request: PaymentRequest) -> dict:
	try:
		adapter = adapter_of(attempt.gateway, for_new_payment=True)
		opened = asking.call_gateway(attempt.gateway, adapter.create, request)
	except (NotSent, GatewayRefused) as error:
		in_transaction(_record_refusal, attempt.name, error)
		raise
	except GatewayError as error:
		in_transaction(_record_unknown, attempt.name, error)
		raise
	in_transaction(_record_opened, attempt.name, request, opened)
	return answer(frappe.get_doc("Payment Attempt", attempt.name))


def _record_opened(name: str, request: PaymentRequest, opened: Checkout):
	invoice, attempt = _locked_pair(name)
	if attempt.checkout_data:
		return  # a second caller after a crash was faster
	values = {
		"gateway_order_id": attempt.gateway_order_id or opened.order_id,
		"gateway_payment_id": attempt.gateway_payment_id or opened.payment_id,
		"expires_at": _site_time(opened.expires_at),
		"checkout_data": PaymentAttempt.seal(_plain(opened)),
		"request_data": frappe.as_json(masked(_request_summary(request))),
	}
	if attempt.status == "Created":
		attempt.mark_as_processing(**values)
		invoice.record("attempt_opened", attempt, "Created", "Processing", order=opened.order_id)
	else:
		attempt.write(**values)  # a webhook overtook the answer
	if attempt.is_open() and invoice.can_move_to("Processing"):
		invoice.mark_as_processing(payment_gateway=settings_of(attempt.gateway).label)
	else:
		invoice.write()


def _record_method(name: str, method: str, opened: Checkout):
	invoice, attempt = _locked_pair(name)
	if not attempt.is_open():
		return
	attempt.write(payment_method=method, checkout_data=PaymentAttempt.seal(_plain(opened)))
	invoice.record("method_chosen", attempt, method=method)
	invoice.write()


def _record_refusal(name: str, error: GatewayError):
	invoice, attempt = _locked_pair(name)
	event = PaymentEvent(Outcome.FAILED, reference=name, reason=str(error), error_code=error.gateway_code or error.code)
	close_attempt(invoice, attempt, event)


def _record_unknown(name: str, error: GatewayError):
	"""It may have been opened: the attempt stays open and the reconciler asks."""
	invoice, attempt = _locked_pair(name)
	if attempt.status == "Created":
		attempt.mark_as_processing(error_code=error.code, error_message=str(error)[:500], next_check_at=schedule.soon())
		invoice.record("attempt_unknown", attempt, "Created", "Processing", reason=str(error))
	if invoice.can_move_to("Processing"):
		invoice.mark_as_processing()
	else:
		invoice.write()


def _locked_pair(name: str):
	invoice = lock("AI Invoice", frappe.db.get_value("Payment Attempt", name, "invoice"))
	return invoice, lock("Payment Attempt", name)


# Retry, cancel, nothing to pay ---------------------------------------------------------------------


def _ask_about_open(invoice):
	for name in frappe.get_all("Payment Attempt", {"invoice": invoice.name, "status": ("in", OPEN)}, pluck="name"):
		try:
			asking.ask_unless_recent(name)
		except GatewayError:
			frappe.db.rollback()  # an outage of the old gateway does not stop a new try; a late payment is honoured


def _open_again(name: str):
	invoice = lock("AI Invoice", name)
	if invoice.status in SETTLED:
		raise Conflict(_("Invoice {0} is already paid.").format(name))
	invoice.increment_retry()


def _withdraw_locked(name: str):
	invoice, attempt = _locked_pair(name)
	if not attempt.is_open() or attempt.status == "Authorized":
		return
	before = attempt.status
	attempt.mark_as_cancelled(error_message=_("You cancelled the payment."), next_check_at=schedule.next_check(attempt))
	invoice.record("attempt_cancelled", attempt, before, "Cancelled")
	others = {"invoice": invoice.name, "name": ("!=", name), "status": ("in", OPEN)}
	if invoice.status == "Processing" and not invoice.paid() and not frappe.db.exists("Payment Attempt", others):
		invoice.mark_as_pending()
	else:
		invoice.write()


def _pay_nothing(name: str) -> dict:
	from oropendola_payments.engine.settlement import fulfil

	invoice = lock("AI Invoice", name)
	invoice.mark_as_paid(amount_paid=0)
	fulfil(invoice)
	return {"attempt": None, "payment_url": result_url(invoice=name), "next_action": "redirect", "is_mocked": False}


def _standing(name: str) -> dict:
	row = frappe.db.get_value("Payment Attempt", name, ["status", "invoice"], as_dict=True)
	return {"attempt": name, "status": row.status, "invoice_status": frappe.db.get_value("AI Invoice", row.invoice, "status")}


# Words for the gateway and for the customer --------------------------------------------------------


def request_of(
	attempt, method_details: dict | None = None, customer: Customer | None = None
) -> PaymentRequest:
	invoice = frappe.db.get_value("AI Invoice", attempt.invoice, ["name", "description", "user"], as_dict=True)
	back = f"callbacks.returned?gateway={attempt.gateway}&attempt={attempt.name}"
	return PaymentRequest(
		reference=attempt.name,
		amount=attempt.payment_ref().amount,
		currency=attempt.currency,
		description=invoice.description or invoice.name,
		customer=customer or _customer(invoice.user),
		return_url=api_url(back),
		cancel_url=api_url(f"{back}&cancelled=1"),
		webhook_url=api_url(f"webhooks.receive?gateway={attempt.gateway}"),
		idempotency_key=operation_key(attempt.name, "create"),
		flow=attempt.flow or "redirect",
		method=attempt.payment_method or None,
		method_details=method_details or {},
		invoice=invoice.name,
		refund_speed=(settings_of(attempt.gateway).refund_speed or "Normal").lower(),
	)


def _customer(user: str) -> Customer:
	person = frappe.db.get_value("User", user, ["full_name", "email", "mobile_no", "phone"], as_dict=True)
	return Customer(
		name=(person.full_name or person.email or "")[:60],
		email=person.email or user,
		phone=person.mobile_no or person.phone or "",
	)


def api_url(path: str) -> str:
	return get_url(f"/api/method/oropendola_payments.api.{path}")


def result_url(invoice: str | None = None, attempt: str | None = None) -> str:
	return get_url(f"/payment-result?{'attempt' if attempt else 'invoice'}={attempt or invoice}")


def answer(attempt) -> dict:
	"""What the frontend needs to go on. `payment_url` always works by plain navigation."""
	checkout = attempt.checkout()
	mocked = attempt.mode == "Simulator"
	if not attempt.is_open():
		url, action = result_url(attempt=attempt.name), "redirect"
	else:
		url, action = checkout.get("url") or get_url(f"/pay?attempt={attempt.name}"), checkout.get("next_action")
	result = {
		"attempt": attempt.name,
		"status": attempt.status,
		"gateway": attempt.gateway,
		"payment_url": url,
		"next_action": action or "redirect",
		"expires_at": attempt.expires_at,
		"is_mocked": mocked,
	}
	result.update({part: checkout[part] for part in ("form", "sdk", "upi") if attempt.is_open() and checkout.get(part)})
	if mocked:
		result["mock_notice"] = mock_notice()
	return result


def mock_notice() -> str:
	return _("This is the simulator: no money moves. Set the gateway to Test or Live and enter its keys.")


def _flow(code: str, flow: str | None) -> str:
	flows = adapter_class(code).capabilities.flows
	if flow and flow not in flows:
		raise BadRequest(_("{0} has no flow {1}. Please choose one of: {2}.").format(code, flow, ", ".join(flows)))
	embed = "embedded" in flows and settings_of(code).embed_checkout
	return flow or ("embedded" if embed else flows[0])


def _plain(opened: Checkout) -> dict:
	kept = ("next_action", "url", "data", "upi")
	parts = {"form": opened.form and asdict(opened.form), "sdk": opened.sdk and asdict(opened.sdk)}
	return {**{name: getattr(opened, name) for name in kept}, **parts}


def _request_summary(request: PaymentRequest) -> dict:
	return {**asdict(request), "amount": str(request.amount)}


def _site_time(moment):
	from oropendola_payments.engine.settlement import local_time

	return local_time(moment) if moment else None
