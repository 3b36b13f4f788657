"""Two-step payments without a redirect, for apps and agents: verify the phone with our code, then start the collection.

The amount always comes from an invoice of the user. Our code starts the payment; only the gateway's status marks it as paid.
"""

from decimal import Decimal

import frappe
from frappe import _

from oropendola_payments.ai_billing.doctype.ai_invoice.ai_invoice import OPEN, AIInvoice
from oropendola_payments.ai_billing.doctype.payment_attempt.payment_attempt import PaymentAttempt
from oropendola_payments.ai_billing.formatting import money
from oropendola_payments.ai_billing.known_gateways import adapter_class, gateway_of
from oropendola_payments.ai_billing.sealed import seal, unseal
from oropendola_payments.engine.checkout import initiate as checkout
from oropendola_payments.engine.checkout import payer
from oropendola_payments.engine.checkout.open_at_gateway import choose_method
from oropendola_payments.engine.core.times import iso_time
from oropendola_payments.engine.gateway.simulated import mock_marks
from oropendola_payments.engine.inbound.status_query import refresh_if_possible
from oropendola_payments.engine.phone import numbers, otp, verification
from oropendola_payments.exceptions import BadRequest, Conflict, NotFound, Unprocessable
from oropendola_payments.gateways.base import Customer
from oropendola_payments.money import quantize, to_decimal

GATEWAY = "cashfree"
PURPOSE = "two-step payment"
METHODS = ("upi_intent", "upi_qr", "upi_collect", "netbanking", "saved_card")
ALIASES = {"upi": "upi_intent"}
# Our status of an attempt in Cashfree's words for an order. They are the same for every order that ended without payment.
ORDER_STATUSES = {"Paid": "PAID", "Expired": "EXPIRED", "Failed": "TERMINATED", "Cancelled": "TERMINATED"}
KEEP_SECONDS = 3600


def create_order(user: str, invoice_id: str | None, amount: Decimal | None, customer: Customer) -> dict:
	"""Open an order at the gateway for an invoice of the user."""
	invoice = _invoice(user, invoice_id)
	if amount is not None and amount != invoice.outstanding():
		message = _("Invoice {0} is for {1}. The amount cannot be changed.")
		raise Unprocessable(message.format(invoice.name, money(invoice.outstanding(), invoice.currency)))
	started = checkout.initiate(user, invoice.name, GATEWAY, "otp", customer=customer, confirms_phone=True)
	attempt = payer.own_attempt(user, started["attempt"])
	_store_input(attempt.name, {"customer": [customer.name, customer.email, customer.phone]})
	return {
		**_summary(attempt),
		"invoice_id": invoice.name,
		"amount": attempt.payment_ref().amount,
		"payment_session_id": (attempt.checkout().get("data") or {}).get("payment_session_id"),
		"expires_at": iso_time(attempt.expires_at),
		"payment_methods": list(METHODS),
	}


def _summary(attempt: PaymentAttempt) -> dict:
	"""Return what all four answers say about an order: the amounts are the same, the statuses ours and Cashfree's."""
	amount = quantize(attempt.amount, attempt.currency)
	return {
		"order_id": attempt.name,
		"order_status": ORDER_STATUSES.get(attempt.status, "ACTIVE"),
		"payment_status": attempt.status,
		"order_amount": amount,
		"payment_amount": amount,
		"currency": attempt.currency,
		**mock_marks(attempt.mode),
	}


def start(user: str, order_id: str, method: str, phone: str, details: dict) -> dict:
	"""Send our code to the phone. The payment starts once it is confirmed."""
	method = ALIASES.get(method.lower(), method.lower())
	if method not in METHODS:
		raise BadRequest(
			_("There is no payment method {0}. Please choose one of: {1}.").format(method, ", ".join(METHODS))
		)
	attempt = _open_attempt(user, order_id)
	# Before anything is stored or sent, so that a card number is never stored.
	adapter_class(GATEWAY).check_method(method, details)
	phone = numbers.phone_number(phone)
	known = _load_input(attempt.name)
	if known.get("customer") and known["customer"][2] != phone:
		raise Unprocessable(_("This is not the phone number used for the order."))
	sent = otp.send(_bound(attempt, phone), simulated=attempt.mode == "Simulator")
	_store_input(attempt.name, {**known, "method": method, "details": details, "phone": phone})
	return {**_summary(attempt), "next_action": "confirm_otp", **sent}


def confirm(user: str, order_id: str, code: str) -> dict:
	"""Check the code, start the collection and return the customer's next step."""
	attempt = _open_attempt(user, order_id)
	known = _load_input(attempt.name)
	if not known.get("phone"):
		raise otp.CodeRefused
	otp.check(_bound(attempt, known["phone"]), code)
	verification.mark_confirmed(attempt)
	started = choose_method(
		attempt.name,
		known["method"],
		known["details"],
		Customer(*known["customer"]) if known.get("customer") else None,
	)
	return {**status(user, order_id), **_next_step(started)}


def status(user: str, order_id: str) -> dict:
	"""Return the status of an order, after a refresh unless it was checked a moment ago."""
	attempt = payer.own_attempt(user, order_id)
	if attempt.is_open():
		refresh_if_possible(attempt)
		attempt.reload()
	invoice = frappe.get_doc("AI Invoice", attempt.invoice)
	return {
		**_summary(attempt),
		"invoice_id": invoice.name,
		"invoice_status": invoice.status,
		"message": attempt.error_message,
	}


def _invoice(user: str, invoice_id: str | None) -> AIInvoice:
	if invoice_id:
		return payer.own_invoice(user, invoice_id)
	names = frappe.get_all("AI Invoice", {"user": user, "status": ("in", OPEN)}, pluck="name", limit=2)
	if not names:
		raise NotFound(_("You have no invoice to pay. Please subscribe first."))
	if len(names) > 1:
		raise BadRequest(_("You have more than one open invoice. Please send invoice_id to choose one."))
	return payer.own_invoice(user, names[0])


def _open_attempt(user: str, order_id: str) -> PaymentAttempt:
	attempt = payer.own_attempt(user, order_id)
	if gateway_of(attempt.gateway) != GATEWAY or not attempt.is_open():
		message = _("Order {0} is {1} and can no longer be paid. Please create a new one.")
		raise Conflict(message.format(order_id, _(attempt.status)))
	return attempt


def _bound(attempt: PaymentAttempt, phone: str) -> otp.Binding:
	return otp.Binding(
		PURPOSE, attempt.name, to_decimal(attempt.payment_ref().amount), attempt.currency, phone
	)


def _next_step(started: dict) -> dict:
	parts = ("next_action", "payment_url", "upi", "mock_approval_url")
	return {part: started[part] for part in parts if started.get(part)}


# The customer's input is kept encrypted in Redis for as long as an order can be paid, and never in the database.


def _store_input(order_id: str, values: dict) -> None:
	frappe.cache.set_value(f"oropendola_two_step:{order_id}", seal(values), expires_in_sec=KEEP_SECONDS)


def _load_input(order_id: str) -> dict:
	return unseal(frappe.cache.get_value(f"oropendola_two_step:{order_id}", expires=True)) or {}
