"""Razorpay's wire format: its objects, what it refuses, and how it signs."""

import hashlib
import hmac
import re
from datetime import datetime

from oropendola_payments.simulator.core import ledger
from oropendola_payments.simulator.core.ledger import Charge, Order, Refund

THREE_DECIMALS = frozenset(("BHD", "IQD", "JOD", "KWD", "OMR", "TND"))
STATUSES = {
	ledger.PENDING: "created",
	ledger.AUTHORIZED: "authorized",
	ledger.CAPTURED: "captured",
	ledger.FAILED: "failed",
}
REFUND_STATUSES = {
	ledger.REFUND_PENDING: "pending",
	ledger.REFUNDED: "processed",
	ledger.REFUND_FAILED: "failed",
}
ERROR_FIELDS = {
	"code": "BAD_REQUEST_ERROR",
	"description": "Payment failed because the bank declined it",
	"source": "bank",
	"step": "payment_authorization",
	"reason": "payment_failed",
}
METHOD_FIELDS = {
	"card": {
		"card_id": "card_Sim0000000001",
		"card": {"network": "Visa", "last4": "1007", "name": "Asha Test"},
	},
	"upi": {"vpa": "asha.test@simbank", "upi": {"vpa": "asha.test@simbank", "flow": "intent"}},
	"netbanking": {"bank": "HDFC"},
	"wallet": {"wallet": "payzapp"},
}
CHECKOUT_SCRIPT = """// A stand-in of Razorpay's checkout.js: the same names, with the pay page of the simulator in the window.
(function () {
	var ADDRESS = %(address)s;
	var SENT = ["order_id", "amount", "currency", "name", "description", "prefill", "notes", "callback_url"];
%(embedded)s
	function flat(fields, name, value) {
		if (value === undefined || value === null || typeof value === "function") return fields;
		if (typeof value !== "object") fields[name] = value;
		else
			Object.keys(value).forEach(function (key) {
				flat(fields, name + "[" + key + "]", value[key]);
			});
		return fields;
	}
	function Razorpay(options) {
		this.options = options;
	}
	Razorpay.prototype.on = function () {};
	Razorpay.prototype.close = function () {};
	Razorpay.prototype.open = function () {
		var options = this.options;
		var fields = { key_id: options.key, cancel_url: window.location.href };
		SENT.forEach(function (name) {
			flat(fields, name, options[name]);
		});
		if (options.redirect) return post(ADDRESS, fields);
		openFrame(ADDRESS, fields, this.finish.bind(this));
	};
	Razorpay.prototype.finish = function (result) {
		var options = this.options;
		if (result["error[code]"]) return this.open(); // the window stays open for another attempt
		if (!result.razorpay_payment_id) return options.modal && options.modal.ondismiss && options.modal.ondismiss();
		if (options.handler) return options.handler(result);
		post(options.callback_url, result); // from the merchant's page, as the real script does
	};
	window.Razorpay = Razorpay;
})();
"""


def sign(message: bytes, secret: str) -> str:
	return hmac.digest(secret.encode(), message, hashlib.sha256).hex()


def error_body(sentence: str, field: str | None = None) -> dict:
	error = {
		"code": "BAD_REQUEST_ERROR",
		"description": sentence,
		"source": "business",
		"step": "payment_initiation",
		"reason": "input_validation_failed",
		"metadata": {},
	}
	return {"error": {**error, "field": field} if field else error}


def problem_of_order(params) -> tuple[str, str] | None:
	"""The sentence and the field with which Razorpay refuses an order; None when it is valid."""
	if not isinstance(params, dict):
		return "The request body is not a JSON object", ""
	amount, currency, notes = params.get("amount"), params.get("currency"), params.get("notes") or {}
	if isinstance(amount, bool) or not isinstance(amount, int):
		return "The amount must be an integer", "amount"
	if not isinstance(currency, str) or not re.fullmatch(r"[A-Z]{3}", currency):
		return "The currency field is required", "currency"
	if amount < (100 if currency == "INR" else 1):
		return f"The amount must be at least {currency} 1.00", "amount"
	if currency in THREE_DECIMALS and amount % 10:
		return "The last digit of the amount must be 0", "amount"
	if len(params.get("receipt") or "") > 40:
		return "The receipt may not be greater than 40 characters", "receipt"
	if len(notes) > 15 or any(len(str(value)) > 256 for value in notes.values()):
		return "Notes may have 15 pairs of 256 characters each", "notes"
	return None


def order_entity(order: Order, charges: list[Charge]) -> dict:
	paid = sum(charge.amount_minor for charge in charges if charge.state == ledger.CAPTURED)
	status = "paid" if paid else "attempted" if charges else "created"
	return {
		"id": order.order_id,
		"entity": "order",
		"amount": order.amount_minor,
		"amount_paid": paid,
		"amount_due": max(order.amount_minor - paid, 0),
		"currency": order.currency,
		"receipt": order.reference or None,
		"offer_id": None,
		"status": status,
		"attempts": len(charges),
		"notes": order.fields.get("notes") or [],
		"created_at": _seconds(order.created_at),
	}


def payment_entity(charge: Charge, notes: dict, refunds: list[Refund]) -> dict:
	failed = charge.state == ledger.FAILED
	refunded = sum(refund.amount_minor for refund in refunds if refund.state == ledger.REFUNDED)
	is_full = refunded == charge.amount_minor
	return {
		"id": charge.payment_id,
		"entity": "payment",
		"amount": charge.amount_minor,
		"currency": charge.currency,
		"status": "refunded" if is_full else STATUSES[charge.state],
		"order_id": charge.order_id,
		"invoice_id": None,
		"international": False,
		"method": charge.method,
		"amount_refunded": refunded,
		"refund_status": "full" if is_full else "partial" if refunded else None,
		"captured": charge.state == ledger.CAPTURED,
		"description": None,
		"card_id": None,
		"bank": None,
		"wallet": None,
		"vpa": None,
		"email": "asha@example.com",
		"contact": "+910000000000",
		"notes": notes or [],
		"fee": None,
		"tax": None,
		**{f"error_{name}": value if failed else None for name, value in ERROR_FIELDS.items()},
		"acquirer_data": {},
		"created_at": _seconds(charge.created_at),
		**METHOD_FIELDS.get(charge.method, {}),
	}


def refund_entity(refund: Refund) -> dict:
	params = refund.fields["params"]
	instant = params.get("speed") == "optimum"
	return {
		"id": refund.refund_id,
		"entity": "refund",
		"amount": refund.amount_minor,
		"currency": refund.currency,
		"payment_id": refund.payment_id,
		"notes": params.get("notes") or [],
		"receipt": params.get("receipt"),
		"acquirer_data": {"arn": None},
		"created_at": _seconds(refund.created_at),
		"batch_id": None,
		"status": REFUND_STATUSES[refund.state],
		"speed_processed": "instant" if instant else "normal",
		"speed_requested": params.get("speed", "normal"),
	}


def dispute_entity(charge: Charge, state: str, dispute_id: str) -> dict:
	return {
		"id": dispute_id,
		"entity": "dispute",
		"payment_id": charge.payment_id,
		"amount": charge.amount_minor,
		"currency": charge.currency,
		"amount_deducted": charge.amount_minor if state == "lost" else 0,
		"reason_code": "goods_or_services_not_received_or_partially_received",
		"respond_by": _seconds(charge.created_at) + 7 * 86400,
		"status": state,
		"phase": "chargeback",
		"created_at": _seconds(charge.created_at),
	}


def _seconds(time: datetime) -> int:
	return int(time.timestamp())
