"""Cashflows' wire format: its statuses, error reports, amounts and times, and how a call is hashed."""

import hashlib
import json
import re
from datetime import datetime, timezone

from werkzeug.wrappers import Request

from oropendola_payments.simulator.core import ledger
from oropendola_payments.simulator.core.amounts import to_minor

AMOUNT = re.compile(r"[0-9]{1,12}\.[0-9]{2}")
PAYMENT_STATUS = {
	ledger.CAPTURED: "Paid",
	ledger.AUTHORIZED: "Reserved",
	ledger.PENDING: "Commissioned",
	ledger.FAILED: "Declined",
	ledger.VOIDED: "Cancelled",
}
JOB_STATUS = {ledger.CANCELLED: "Cancelled", ledger.EXPIRED: "Expired"}
REFUND_STATUS = {
	ledger.REFUNDED: "Completed",
	ledger.REFUND_PENDING: "Pending",
	ledger.REFUND_FAILED: "Failed",
}


class Refused(Exception):
	def __init__(self, status: int, code: str):
		super().__init__(code)
		self.status, self.code = status, code


def request_hash(secret: str, body: bytes) -> str:
	return hashlib.sha512(secret.encode() + body).hexdigest()


def error_report(code: str) -> dict:
	error = {"code": code, "message": "Sent by the simulator.", "parameters": {}}
	return {"errors": [error], "warnings": [], "language": "en", "isFatalError": False}


def json_object(request: Request) -> dict:
	try:
		body = json.loads(request.get_data())
	except ValueError:
		raise Refused(400, "InvalidJson") from None
	if not isinstance(body, dict):
		raise Refused(400, "InvalidJson")
	return body


def read_amount(value, currency) -> int:
	"""The minor units of an amount, which must be text with a point and two decimals."""
	if not isinstance(value, str) or not AMOUNT.fullmatch(value) or not isinstance(currency, str):
		raise Refused(400, "InvalidAmount")
	try:
		minor = to_minor(value, currency)
	except ValueError:
		raise Refused(400, "InvalidAmount") from None
	if minor <= 0:
		raise Refused(400, "InvalidAmount")
	return minor


def read_utc(text) -> datetime | None:
	if not isinstance(text, str):
		return None
	return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
