"""Cashflows Gateway, played: payment jobs, payments, captures, refunds, and webhooks that only ring a bell.

Every call must carry the true Hash; after several wrong ones the account is locked, as Cashflows' sister API does.
"""

import hashlib
import hmac
import json
import re
from datetime import datetime, timezone
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import ledger as entries
from oropendola_payments.simulator.core.amounts import to_minor, to_text
from oropendola_payments.simulator.core.ledger import Charge, ExceedsRefundable, Order, Refund
from oropendola_payments.simulator.core.provider import Provider, Return

PREFIX = "/api/gateway"
AMOUNT = re.compile(r"[0-9]{1,12}\.[0-9]{2}")
PAYMENT_STATUS = {
	entries.CAPTURED: "Paid",
	entries.AUTHORIZED: "Reserved",
	entries.PENDING: "Commissioned",
	entries.FAILED: "Declined",
	entries.VOIDED: "Cancelled",
}
JOB_STATUS = {entries.CANCELLED: "Cancelled", entries.EXPIRED: "Expired"}
REFUND_STATUS = {
	entries.REFUNDED: "Completed",
	entries.REFUND_PENDING: "Pending",
	entries.REFUND_FAILED: "Failed",
}
WRONG_HASHES_UNTIL_LOCKED = 5
FIRST_REFERENCE = 240101120000000000  # 18 digits, above 2^53


class Refused(Exception):
	def __init__(self, status: int, code: str):
		super().__init__(code)
		self.status, self.code = status, code


class Cashflows(Provider):
	code = "cashflows"
	label = "Cashflows"
	methods = ("card",)
	defaults = {
		"key_id": "210101010101010101",
		"key_secret": "simulator-cashflows-api-key-not-real",
		"webhook_secret": "",  # a proxy in front of the site that signs; Cashflows itself does not
		"currencies": ("AUD", "CAD", "CHF", "EUR", "GBP", "JPY", "USD"),
		"auto_capture": True,
		"refund_state": entries.REFUNDED,  # or `pending`
		"payments_in_full": True,  # or a job names only reference and status of its payments
		"references_as_numbers": False,
		"refund_reports_error": False,  # an error report beside a refund that was made
	}

	def __init__(self, *parts):
		super().__init__(*parts)
		self.wrong_hashes = 0

	def routes(self):
		job = f"{PREFIX}/payment-jobs/<job_reference>"
		payment = f"{job}/payments/<reference>"
		return [
			("POST", f"{PREFIX}/payment-jobs", self.create),
			("GET", job, self.status),
			("PATCH", f"{job}/cancel", self.cancel),
			("GET", payment, self.payment_status),
			("POST", f"{payment}/captures", self.capture),
			("POST", f"{payment}/refunds", self.refund),
			("HEAD", f"{PREFIX}/orders/<number>", self.order_known),
			("GET", f"{PREFIX}/supported-payment-methods", self.supported_payment_methods),
		]

	# Who asks ---------------------------------------------------------------------------------------

	def _guarded(self, request: Request, work, status: int = 200, report: dict | None = None) -> Response:
		try:
			self._check_hash(request)
			data = work()
			return self.answer({"data": data, "links": data.pop("links", {}), "errorReport": report}, status)
		except Refused as refused:
			return self.answer({"data": None, "errorReport": _report(refused.code)}, refused.status)

	def _check_hash(self, request: Request) -> None:
		text = str(self.config["key_secret"]).encode() + request.get_data()
		wanted, received = hashlib.sha512(text).hexdigest(), request.headers.get("Hash", "").lower()
		is_ours = request.headers.get("ConfigurationId") == self.config["key_id"]
		if self.wrong_hashes >= WRONG_HASHES_UNTIL_LOCKED:
			raise Refused(401, "AccountLocked")
		if not is_ours or received != wanted:
			self.wrong_hashes += 1
			raise Refused(401, "InvalidHash")
		if request.mimetype != "application/json":
			raise Refused(400, "InvalidContentType")

	def supported_payment_methods(self, request: Request) -> Response:
		return self._guarded(request, lambda: {"paymentMethods": ["Card"]})

	def order_known(self, request: Request, number: str) -> Response:
		def look() -> dict:
			if self.ledger.find_order_by_reference(number) is None:
				raise Refused(404, "RecordNotFound")
			return {}

		return self._guarded(request, look)

	# Payment jobs -----------------------------------------------------------------------------------

	def create(self, request: Request) -> Response:
		return self._guarded(request, lambda: self._job(self._open(_json(request))), 201)

	def _open(self, body: dict) -> Order:
		parameters, order = body.get("parameters") or {}, body.get("order") or {}
		currency, number = body.get("currency"), order.get("orderNumber")
		minor = _minor(body.get("amountToCollect"), currency)
		if currency not in self.config["currencies"]:
			raise Refused(400, "CurrencyNotSupported")
		if not isinstance(number, str) or not 0 < len(number) <= 35:
			raise Refused(400, "InvalidOrderNumber")
		for name in ("returnUrlSuccess", "returnUrlFailed", "returnUrlCancelled"):
			if not str(parameters.get(name, "")).startswith(("https://", "http://")):
				raise Refused(400, "InvalidReturnUrl")
		return self.ledger.add_order(
			number,
			self._reference(),
			minor,
			currency,
			parameters=parameters,
			until=_utc(body.get("expirationDateTimeUtc")),
		)

	def _reference(self) -> str:
		return str(FIRST_REFERENCE + self.ledger.next_number())

	def status(self, request: Request, job_reference: str) -> Response:
		return self._guarded(request, lambda: self._job(self._known(job_reference)))

	def cancel(self, request: Request, job_reference: str) -> Response:
		return self._guarded(request, lambda: self._job(self._closed(self._known(job_reference))))

	def _closed(self, order: Order) -> Order:
		if order.state in (entries.PAID, entries.CANCELLED, entries.EXPIRED):
			raise Refused(400, "InvalidPaymentStatus")
		order.state = entries.CANCELLED
		for charge in self.ledger.charges_of(order):
			if charge.state == entries.AUTHORIZED:
				self.ledger.set_charge_state(charge, entries.VOIDED)
		return order

	def _known(self, job_reference: str) -> Order:
		order = self.ledger.find_order(job_reference)
		if order is None:
			raise Refused(404, "RecordNotFound")
		self._expire(order)
		return order

	def _expire(self, order: Order) -> None:
		until = order.fields["until"]
		if order.state == entries.OPEN and until and self.clock.now() > until:
			order.state = entries.EXPIRED

	def can_pay(self, order: Order) -> bool:
		self._expire(order)
		return super().can_pay(order)

	def _job(self, order: Order) -> dict:
		payments = [self._payment(charge) for charge in self.ledger.charges_of(order)]
		last = payments[-1]["status"] if payments else "Pending"
		if not self.config["payments_in_full"]:
			payments = [{name: payment[name] for name in ("reference", "status")} for payment in payments]
		return {
			"reference": self._sent(order.order_id),
			"createDateTimeUtc": order.created_at.isoformat(),
			"currency": self.reported_currency("status", order.currency),
			"amountToCollect": self._amount(order.amount_minor, order.currency),
			"paymentStatus": JOB_STATUS.get(order.state, last),
			"order": {"orderNumber": order.reference},
			"payments": payments,
			"links": {"action": {"url": self.pay_url(order), "type": "Redirect"}},
		}

	# Payments ---------------------------------------------------------------------------------------

	def payment_status(self, request: Request, job_reference: str, reference: str) -> Response:
		return self._guarded(request, lambda: self._payment(self._paid(job_reference, reference)))

	def _paid(self, job_reference: str, reference: str) -> Charge:
		charge = self.ledger.find_charge(reference)
		if charge is None or charge.order_id != job_reference:
			raise Refused(404, "RecordNotFound")
		return charge

	def _payment(self, charge: Charge) -> dict:
		payment = {
			"reference": self._sent(charge.payment_id),
			"createDateTimeUtc": charge.created_at.isoformat(),
			"paymentMethods": ["Card"],
			"status": PAYMENT_STATUS[charge.state],
			"amountToCollect": self._amount(charge.amount_minor, charge.currency),
			"refunds": [self._refund(refund) for refund in self.ledger.refunds_of(charge)],
			"attributes": {"originatingIpAddress": "192.0.2.1"},
		}
		if charge.state == entries.CAPTURED:
			payment["paidAmount"] = payment["amountToCollect"]
		return payment

	def complete_checkout(self, order: Order, outcome: str, method: str) -> Return:
		parameters, charge = order.fields["parameters"], None
		if outcome == "success" and not self.config["auto_capture"]:
			charge = self.ledger.add_charge(order, self._reference(), entries.AUTHORIZED, method=method)
		elif outcome != "cancel":
			charge = self.record_charge(order, self._reference(), outcome, method)
		way = {"cancel": "returnUrlCancelled", "failure": "returnUrlFailed"}.get(outcome, "returnUrlSuccess")
		if charge and charge.state == entries.FAILED:
			way = "returnUrlFailed"
		told = {"paymentjobref": order.order_id, "ordernumber": order.reference}
		if charge:
			self.notify_payment(order, charge)
			told["paymentref"] = charge.payment_id
		address = parameters[way]
		return Return("GET", address + ("&" if "?" in address else "?") + urlencode(told))

	def capture(self, request: Request, job_reference: str, reference: str) -> Response:
		return self._guarded(
			request, lambda: self._captured(request, self._paid(job_reference, reference)), 201
		)

	def _captured(self, request: Request, charge: Charge) -> dict:
		minor = _minor(_json(request).get("amountToCapture"), charge.currency)
		if charge.state != entries.AUTHORIZED:
			raise Refused(400, "InvalidCaptureStatus")
		if minor > charge.amount_minor:
			raise Refused(400, "CaptureAmountExceedsOriginalAuthorisation")
		self.ledger.set_charge_state(charge, entries.CAPTURED)
		self.notify_payment(self.ledger.find_order(charge.order_id), charge)
		return {"reference": self._sent(self._reference()), "status": "Completed"}

	# Refunds ----------------------------------------------------------------------------------------

	def refund(self, request: Request, job_reference: str, reference: str) -> Response:
		report = _report("UnexpectedPaymentStatus") if self.config["refund_reports_error"] else None
		return self._guarded(
			request, lambda: self._give_back(request, self._paid(job_reference, reference)), 201, report
		)

	def _give_back(self, request: Request, charge: Charge) -> dict:
		"""A repeated refundNumber is a second refund: nothing says that Cashflows would notice."""
		body = _json(request)
		minor = _minor(body.get("amountToRefund"), charge.currency)
		if self.fault("refund", "decline"):
			raise Refused(201, "GenericRejectionOfRefund")  # a success that is none
		if charge.state != entries.CAPTURED:
			raise Refused(400, "InvalidPaymentForRefund")
		if not self.ledger.refundable(charge):
			raise Refused(400, "PaymentAlreadyFullyRefunded")
		key, state = str(body.get("refundNumber", "")), self.config["refund_state"]
		try:
			refund = self.ledger.add_refund(charge, self._reference(), key, minor, state=state)
		except ExceedsRefundable:
			raise Refused(400, "RefundAmountExceedsOriginalAmount") from None
		self.notify_refund(charge, refund)
		return self._refund(refund)

	def _refund(self, refund: Refund) -> dict:
		return {
			"reference": self._sent(refund.refund_id),
			"refundNumber": refund.key,
			"status": REFUND_STATUS[refund.state],
			"amountToRefund": self._amount(refund.amount_minor, refund.currency),
		}

	# Webhooks ---------------------------------------------------------------------------------------

	def notify_payment(self, order: Order, charge: Charge) -> None:
		"""No status, no amount, no signature: only the two references, which the answer must repeat."""
		references = {
			"paymentJobReference": self._sent(order.order_id),
			"paymentReference": self._sent(charge.payment_id),
		}
		message = {"notifyType": "PaymentStatusChange", **references}
		body, headers = json.dumps(message).encode(), {"Content-Type": "application/json"}
		secret = str(self.config["webhook_secret"])
		if secret:
			signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
			headers["X-Signature"] = self.reported_signature("webhook", signature)
		self.send_webhook(body, headers, order.fields["parameters"].get("webhookUrl"), references)

	def notify_refund(self, charge: Charge, refund: Refund) -> None:
		self.notify_payment(self.ledger.find_order(charge.order_id), charge)

	def _amount(self, minor: int, currency: str) -> str:
		return f"{to_text(self.reported_amount('status', minor), currency)}" + (
			"" if currency != "JPY" else ".00"
		)

	def _sent(self, reference: str) -> str | int:
		return int(reference) if self.config["references_as_numbers"] else reference


def _report(code: str) -> dict:
	error = {"code": code, "message": "Played by the simulator.", "parameters": {}}
	return {"errors": [error], "warnings": [], "language": "en", "isFatalError": False}


def _json(request: Request) -> dict:
	try:
		body = json.loads(request.get_data())
	except ValueError:
		raise Refused(400, "InvalidJson") from None
	if not isinstance(body, dict):
		raise Refused(400, "InvalidJson")
	return body


def _minor(value, currency) -> int:
	"""Minor units of an amount that is text with a dot and two decimals; nothing else is read."""
	if not isinstance(value, str) or not AMOUNT.fullmatch(value) or not isinstance(currency, str):
		raise Refused(400, "InvalidAmount")
	try:
		minor = to_minor(value, currency)
	except ValueError:
		raise Refused(400, "InvalidAmount") from None
	if minor <= 0:
		raise Refused(400, "InvalidAmount")
	return minor


def _utc(text) -> datetime | None:
	if not isinstance(text, str):
		return None
	return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
