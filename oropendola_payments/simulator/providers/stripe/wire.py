"""Stripe's wire format: its objects, what it refuses, and how it signs."""

import hashlib
import hmac
import re
from collections.abc import Mapping

from oropendola_payments.simulator.core import ledger
from oropendola_payments.simulator.core.ledger import Charge, Order, Refund

API_VERSION = "2026-10-28.endive"
THREE_DECIMALS = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
WHOLE_ONLY = frozenset(("isk", "ugx"))
LARGEST = 99_999_999
SMALLEST_USD = 50
SHORTEST_SECONDS, LONGEST_SECONDS = 30 * 60, 24 * 3600
UI_MODES = frozenset(("hosted_page", "embedded_page", "elements", "form"))
KNOWN = frozenset(
	[
		"mode",
		"line_items",
		"success_url",
		"cancel_url",
		"return_url",
		"client_reference_id",
		"metadata",
		"payment_intent_data",
		"customer_email",
		"expires_at",
		"ui_mode",
		"adaptive_pricing",
		"locale",
		"submit_type",
		"expand",
	]
)
INTENT_STATUSES = {
	ledger.CAPTURED: "succeeded",
	ledger.PENDING: "processing",
	ledger.FAILED: "requires_payment_method",
}
VOUCHERS = ("konbini",)  # the customer gets a number and still has to go and pay
REFUND_STATUSES = {
	ledger.REFUNDED: "succeeded",
	ledger.REFUND_PENDING: "pending",
	ledger.REFUND_FAILED: "failed",
}
DISPUTE_STATUSES = {"open": "needs_response", "won": "won", "lost": "lost"}
DECLINE = {
	"type": "card_error",
	"code": "card_declined",
	"decline_code": "generic_decline",
	"message": "Your card was declined.",
}
CARD = {"type": "card", "card": {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2034}}
STRIPE_SCRIPT = """// A stand-in of Stripe.js: the same names, but it opens the pay page of the simulator.
(function () {
	var pages = %s;
	window.Stripe = function () {
		return {
			createEmbeddedCheckoutPage: async function (options) {
				var secret = await options.fetchClientSecret();
				return {
					mount: function () {
						window.location.href = pages + secret.split("_secret_")[0];
					},
					unmount: function () {},
					destroy: function () {},
				};
			},
			initEmbeddedCheckout: function () {
				throw new Error("IntegrationError: initEmbeddedCheckout was renamed to createEmbeddedCheckoutPage");
			},
		};
	};
})();
"""


def signature_header(body: bytes, secret: str, now: int) -> str:
	"""The header with the signature, and with a meaningless v0 signature as in Stripe's test mode."""
	signed = str(now).encode() + b"." + body
	other_scheme = hashlib.sha256(signed).hexdigest()
	return f"t={now},v0={other_scheme},v1={hmac.digest(secret.encode(), signed, hashlib.sha256).hex()}"


def read_form(form: Mapping[str, str]) -> dict:
	"""`a[b][0]=c` becomes {"a": {"b": {"0": "c"}}}."""
	tree: dict = {}
	for name, value in form.items():
		first, *rest = re.findall(r"[^\[\]]+", name) or [name]
		branch, path = tree, [first, *rest]
		for part in path[:-1]:
			branch = branch.setdefault(part, {})
		branch[path[-1]] = value
	return tree


def error_body(
	sentence: str,
	kind: str = "invalid_request_error",
	param: str | None = None,
	code: str | None = None,
) -> dict:
	error = {"type": kind, "message": sentence, "param": param, "code": code}
	return {"error": {name: value for name, value in error.items() if value}}


def problem_of_session(params: dict, now: float) -> tuple | None:
	"""The sentence, parameter and code with which Stripe refuses a session; None when it is valid."""
	if "payment_method_types" in params:
		return "This parameter is gone.", "payment_method_types", "payment_method_types_no_longer_supported"
	if unknown := sorted(set(params) - KNOWN):
		return f"Received unknown parameter: {unknown[0]}", unknown[0], "parameter_unknown"
	if params.get("mode") != "payment":
		return "The simulator knows the mode payment only", "mode"
	problems = (
		_problem_of_price(params),
		_problem_of_return_urls(params),
		_problem_of_texts(params),
		_problem_of_expiry(params, now),
	)
	return next((problem for problem in problems if problem), None)


def _problem_of_price(params: dict) -> tuple | None:
	line = params.get("line_items", {}).get("0", {})
	price = line.get("price_data", {})
	amount, currency = str(price.get("unit_amount", "")), price.get("currency", "")
	if not re.fullmatch(r"[a-z]{3}", currency):
		return f"Invalid currency: {currency}.", "line_items[0][price_data][currency]"
	if not re.fullmatch(r"\d+", amount) or line.get("quantity") != "1":
		return (
			f"Invalid integer: {amount}",
			"line_items[0][price_data][unit_amount]",
			"parameter_invalid_integer",
		)
	if int(amount) > LARGEST:
		return "Amount must be no more than 99999999", "amount", "amount_too_large"
	if int(amount) < (SMALLEST_USD if currency == "usd" else 1):
		return "The amount due is too small", "amount", "amount_too_small"
	if int(amount) % (100 if currency in WHOLE_ONLY else 10 if currency in THREE_DECIMALS else 1):
		return f"Invalid amount for {currency}", "amount", "invalid_charge_amount_no_decimal_compatible"
	return None if price.get("product_data", {}).get("name") else ("Missing name", "product_data[name]")


def _problem_of_return_urls(params: dict) -> tuple | None:
	mode = params.get("ui_mode", "hosted_page")
	if mode not in UI_MODES:
		return f"Invalid ui_mode: must be one of {', '.join(sorted(UI_MODES))}", "ui_mode"
	required, forbidden = (
		("success_url", "return_url") if mode == "hosted_page" else ("return_url", "success_url")
	)
	if not re.match(r"https?://", params.get(required, "")):
		return f"Not a valid URL: {required}", required, "url_invalid"
	if forbidden in params or (mode != "hosted_page" and "cancel_url" in params):
		return f"`{forbidden}` is not allowed with ui_mode {mode}", forbidden
	return None


def _problem_of_texts(params: dict) -> tuple | None:
	if len(params.get("client_reference_id", "")) > 200:
		return "client_reference_id must be at most 200 characters", "client_reference_id"
	for metadata in (params.get("metadata", {}), params.get("payment_intent_data", {}).get("metadata", {})):
		if len(metadata) > 50 or any(len(k) > 40 or len(v) > 500 for k, v in metadata.items()):
			return "Metadata may have 50 keys of 40 characters, values of 500", "metadata"
	if "customer_email" in params and not re.fullmatch(r"[^@\s]+@[^@\s]+", params["customer_email"]):
		return "Invalid email address", "customer_email", "email_invalid"
	return None


def _problem_of_expiry(params: dict, now: float) -> tuple | None:
	seconds = int(params["expires_at"]) - now if "expires_at" in params else SHORTEST_SECONDS
	if SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
		return None
	return "The `expires_at` timestamp must be between 30 minutes and 24 hours from now", "expires_at"


def session_object(order: Order, charges: list[Charge], livemode: bool) -> dict:
	params = order.fields["params"]
	paid = next((charge for charge in charges if charge.state == ledger.CAPTURED), None)
	embedded = params.get("ui_mode", "hosted_page") != "hosted_page"
	secret = f"{order.order_id}_secret_{hashlib.sha256(order.order_id.encode()).hexdigest()[:16]}"
	return {
		"id": order.order_id,
		"object": "checkout.session",
		"amount_subtotal": order.amount_minor,
		"amount_total": (paid or order).amount_minor,
		"client_reference_id": order.reference or None,
		"client_secret": secret if embedded else None,
		"created": int(order.created_at.timestamp()),
		"currency": (paid or order).currency.lower(),
		"customer_details": {"email": params.get("customer_email"), "name": "Asha Test"},
		"expires_at": order.fields["expires_at"],
		"livemode": livemode,
		"metadata": params.get("metadata", {}),
		"mode": "payment",
		"payment_intent": order.fields["intent_id"] if charges else None,
		"payment_method_types": ["card"],
		"payment_status": "paid" if paid else "unpaid",
		"status": order.fields["status"],
		"ui_mode": params.get("ui_mode", "hosted_page"),
		"url": None,
	}


def intent_object(order: Order, charges: list[Charge], livemode: bool, with_charge: bool = False) -> dict:
	last = charges[-1]
	received = sum(charge.amount_minor for charge in charges if charge.state == ledger.CAPTURED)
	data = order.fields["params"].get("payment_intent_data", {})
	return {
		"id": order.fields["intent_id"],
		"object": "payment_intent",
		"amount": order.amount_minor,
		"amount_received": received,
		"cancellation_reason": None,
		"created": int(last.created_at.timestamp()),
		"currency": last.currency.lower(),
		"description": data.get("description"),
		"last_payment_error": DECLINE if last.state == ledger.FAILED else None,
		"latest_charge": _latest_charge(last, with_charge),
		"livemode": livemode,
		"metadata": data.get("metadata", {}),
		"payment_method_types": ["card"],
		"status": "requires_action" if is_unpaid_voucher(last) else INTENT_STATUSES[last.state],
	}


def is_unpaid_voucher(charge: Charge) -> bool:
	return charge.method in VOUCHERS and charge.state == ledger.PENDING


def _latest_charge(last: Charge, with_charge: bool) -> dict | str | None:
	if is_unpaid_voucher(last):
		return None
	return charge_object(last) if with_charge else last.fields["charge_id"]


def charge_object(charge: Charge) -> dict:
	method = CARD if charge.method == "card" else {"type": charge.method, charge.method: {}}
	return {
		"id": charge.fields["charge_id"],
		"object": "charge",
		"amount": charge.amount_minor,
		"amount_refunded": charge.refunded_minor,
		"billing_details": {"email": "asha@example.com", "name": "Asha Test"},
		"currency": charge.currency.lower(),
		"payment_intent": charge.payment_id,
		"payment_method_details": method,
		"refunded": charge.refunded_minor == charge.amount_minor,
		"status": "succeeded" if charge.state == ledger.CAPTURED else charge.state,
	}


def refund_object(refund: Refund, charge: Charge) -> dict:
	failed = refund.state == ledger.REFUND_FAILED
	return {
		"id": refund.refund_id,
		"object": "refund",
		"amount": refund.amount_minor,
		"charge": charge.fields["charge_id"],
		"created": int(refund.created_at.timestamp()),
		"currency": refund.currency.lower(),
		"failure_reason": "expired_or_canceled_card" if failed else None,
		"metadata": refund.fields["params"].get("metadata", {}),
		"payment_intent": refund.payment_id,
		"reason": refund.fields["params"].get("reason"),
		"status": REFUND_STATUSES[refund.state],
	}


def dispute_object(charge: Charge, state: str, dispute_id: str) -> dict:
	return {
		"id": dispute_id,
		"object": "dispute",
		"amount": charge.amount_minor,
		"charge": charge.fields["charge_id"],
		"currency": charge.currency.lower(),
		"metadata": {},
		"payment_intent": charge.payment_id,
		"reason": "fraudulent",
		"status": DISPUTE_STATUSES[state],
	}


def event_object(event_id: str, name: str, resource: dict, now: int, livemode: bool) -> dict:
	return {
		"id": event_id,
		"object": "event",
		"api_version": API_VERSION,
		"created": now,
		"data": {"object": resource},
		"livemode": livemode,
		"pending_webhooks": 1,
		"request": {"id": None, "idempotency_key": None},
		"type": name,
	}
