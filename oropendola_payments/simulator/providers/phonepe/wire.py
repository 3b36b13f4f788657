"""PhonePe's wire format: its states, the limits of an order, the stand-in of its script, and how it signs."""

import hashlib
import hmac
import re
from collections.abc import Mapping

from oropendola_payments.simulator.core import ledger

ID = re.compile(r"[A-Za-z0-9_-]{1,63}")
ATTEMPT_STATES = {ledger.CAPTURED: "COMPLETED", ledger.FAILED: "FAILED", ledger.PENDING: "PENDING"}
REFUND_STATES = {
	ledger.REFUND_PENDING: "PENDING",
	ledger.REFUNDED: "COMPLETED",
	ledger.REFUND_FAILED: "FAILED",
}
REFUND_EVENTS = {
	"PENDING": "pg.refund.accepted",
	"COMPLETED": "pg.refund.completed",
	"FAILED": "pg.refund.failed",
}
MODES = {"upi": "UPI_INTENT", "card": "CARD", "netbanking": "NET_BANKING"}
CHECKOUT_SCRIPT = """window.PhonePeCheckout = {
	transact: function (options) { window.location.assign(options.tokenUrl); },
	closePage: function () {}
};
"""


def is_amount(value) -> bool:
	return isinstance(value, int) and not isinstance(value, bool) and value >= 100


def problem_of_order(params: dict) -> str | None:
	"""The reason why PhonePe refuses a new order; None when it is valid."""
	flow, expire_after = params.get("paymentFlow") or {}, params.get("expireAfter")
	if not isinstance(params.get("merchantOrderId"), str) or not ID.fullmatch(params["merchantOrderId"]):
		return "merchantOrderId is invalid"
	if not is_amount(params.get("amount")):
		return "amount must be a whole number of paise, at least 100"
	if expire_after is not None and not (isinstance(expire_after, int) and 300 <= expire_after <= 3600):
		return "expireAfter must be between 300 and 3600"
	if flow.get("type") != "PG_CHECKOUT" or not (flow.get("merchantUrls") or {}).get("redirectUrl"):
		return "paymentFlow is invalid"
	is_too_long = any(len(str(value)) > 256 for value in (params.get("metaInfo") or {}).values())
	return "metaInfo is too long" if is_too_long else None


def webhook_signature(config: Mapping, body: bytes) -> tuple[dict[str, str], str, str]:
	"""Headers of a webhook, then the name and the value of the header that authenticates it.

	With an HMAC key the body is signed; otherwise the value is always the hash of user name and password.
	"""
	if key := str(config["webhook_hmac_key"]):
		signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
		return {"x-phonepe-checksum-key-id": "sim-key-1"}, "x-phonepe-checksum-signature", signature
	pair = f"{config['webhook_username']}:{config['webhook_password']}"
	return {}, "Authorization", hashlib.sha256(pair.encode()).hexdigest()
