"""Cashfree's wire format: its states, the limits of an order, amounts as JSON numbers, and how it signs."""

import base64
import hashlib
import hmac
import json
import re
from datetime import datetime, timedelta
from decimal import Decimal

from oropendola_payments.simulator.core import ledger
from oropendola_payments.simulator.core.amounts import to_minor, to_text

ORDER_ID = re.compile(r"[A-Za-z0-9_-]{3,45}")
PHONE = re.compile(r"\d{10}|\+\d{10,15}")
METHODS = frozenset({"cc", "dc", "ccc", "ppc", "nb", "upi", "app", "paylater", "cardlessemi", "banktransfer"})

ORDER_STATES = {ledger.OPEN: "ACTIVE", ledger.CANCELLED: "TERMINATED", ledger.EXPIRED: "EXPIRED"}
REFUND_STATES = {
	ledger.REFUND_PENDING: "PENDING",
	ledger.REFUNDED: "SUCCESS",
	ledger.REFUND_FAILED: "FAILED",
}
SANDBOX_NOTES = {"SUCCESS": ledger.REFUNDED, "FAILED": ledger.REFUND_FAILED}
DISPUTES = {
	"open": ("DISPUTE_CREATED", "DISPUTE_CREATED"),
	"won": ("DISPUTE_CLOSED", "DISPUTE_MERCHANT_WON"),
	"lost": ("DISPUTE_CLOSED", "DISPUTE_MERCHANT_LOST"),
}
CHECKOUT_SCRIPT = """(function () {
	var base = document.currentScript.src.split("/js/v3/")[0];
	window.Cashfree = function (settings) {
		return {
			checkout: function (options) {
				window.location.assign(
					base + "/pg/view/sessions/checkout?session=" + encodeURIComponent(options.paymentSessionId));
				return new Promise(function () {});
			}
		};
	};
})();
"""


def problem_of_order(params: dict, now: datetime) -> str | None:
	"""The reason why Cashfree refuses a new order; None when it is valid."""
	customer, meta = params.get("customer_details") or {}, params.get("order_meta") or {}
	try:
		paise = to_minor(read_number(params.get("order_amount")), "INR")
		expires_at = datetime.fromisoformat(str(params.get("order_expiry_time")))
		is_too_soon = expires_at < now + timedelta(minutes=15)
	except (ValueError, TypeError):
		return "order_amount or order_expiry_time is invalid"
	tags, note = params.get("order_tags") or {}, params.get("order_note")
	methods = set((meta.get("payment_methods") or "upi").split(","))
	rules = {
		"order_id : is invalid": ORDER_ID.fullmatch(str(params.get("order_id"))),
		"order_amount : should be at least 1": paise >= 100,
		"order_currency : is not enabled": params.get("order_currency") == "INR",
		"order_expiry_time : is too soon": not is_too_soon,
		"customer_id : is invalid": re.fullmatch(r"[A-Za-z0-9_-]{3,50}", str(customer.get("customer_id"))),
		"customer_phone : is invalid": PHONE.fullmatch(str(customer.get("customer_phone"))),
		"order_meta.return_url : is invalid": 0 < len(meta.get("return_url") or "") <= 250,
		"order_meta.notify_url : is invalid": (meta.get("notify_url") or "https://").startswith("https://"),
		"order_meta.payment_methods : is invalid": methods <= METHODS,
		"order_tags : are invalid": len(tags) <= 10 and all(1 <= len(tag) <= 255 for tag in tags.values()),
		"order_note : is invalid": note is None or 3 <= len(note) <= 200,
	}
	return next((problem for problem, is_valid in rules.items() if not is_valid), None)


def json_number(minor: int, currency: str) -> str:
	"""A mark that `to_json` turns into a number with its decimals, such as 1499.00."""
	return f"#{to_text(minor, currency)}#"


def to_json(body) -> str:
	return re.sub(r'"#(\d+\.\d+)#"', r"\1", json.dumps(body, separators=(",", ":")))


def read_number(value):
	"""The amount, which must be a JSON number and not text."""
	if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
		raise ValueError(f"{value!r} is not a number")
	return value


def sign(message: bytes, secret: str) -> str:
	return base64.b64encode(hmac.digest(secret.encode(), message, hashlib.sha256)).decode()
