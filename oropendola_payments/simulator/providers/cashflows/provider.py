"""Simulated Cashflows Gateway: payment jobs, payments, captures, refunds, and webhooks that name only references.

Every call must carry the correct Hash. After several wrong ones the account is locked, as in Cashflows' other API.
"""

import hashlib
import hmac
import json
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from oropendola_payments.simulator.core import ledger
from oropendola_payments.simulator.core.amounts import to_text
from oropendola_payments.simulator.core.ledger import Charge, ExceedsRefundable, Order, Refund
from oropendola_payments.simulator.core.provider import Provider, Return
from oropendola_payments.simulator.providers.cashflows import wire
from oropendola_payments.simulator.providers.cashflows.payouts import RemittanceReport
from oropendola_payments.simulator.providers.cashflows.wire import Refused

PREFIX = "/api/gateway"
MAX_WRONG_HASHES = 5
FIRST_REFERENCE = 240101120000000000  # 18 digits, more than a double can hold exactly (2^53)


class Cashflows(RemittanceReport, Provider):
	code = "cashflows"
	label = "Cashflows"
	methods = ("card",)
	defaults = {
		"key_id": "210101010101010101",
		"key_secret": "simulator-cashflows-api-key-not-real",
		"webhook_secret": "",  # for a proxy that signs webhooks; Cashflows itself does not
		"currencies": ("AUD", "CAD", "CHF", "EUR", "GBP", "JPY", "USD"),
		"auto_capture": True,
		"refund_state": ledger.REFUNDED,  # or `pending`
		"payments_in_full": True,  # False: a job has only reference and status of its payments
		"references_as_numbers": False,
		"refund_reports_error": False,  # the response has an error report although the refund was made
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
			("HEAD", f"{PREFIX}/orders/<number>", self.order_exists),
			("GET", f"{PREFIX}/supported-payment-methods", self.supported_payment_methods),
		]

	# Authentication ---------------------------------------------------------------------------------

	def _guarded(self, request: Request, handle, status: int = 200, report: dict | None = None) -> Response:
		"""The data that `handle` returns, or the refusal; without the correct Hash nothing is done."""
		try:
			self._check_hash(request)
			data = handle()
			return self.json_response(
				{"data": data, "links": data.pop("links", {}), "errorReport": report}, status
			)
		except Refused as refused:
			return self.json_response(
				{"data": None, "errorReport": wire.error_report(refused.code)}, refused.status
			)

	def _check_hash(self, request: Request) -> None:
		expected = wire.request_hash(str(self.config["key_secret"]), request.get_data())
		received = request.headers.get("Hash", "").lower()
		is_known = request.headers.get("ConfigurationId") == self.config["key_id"]
		if self.wrong_hashes >= MAX_WRONG_HASHES:
			raise Refused(401, "AccountLocked")
		if not is_known or received != expected:
			self.wrong_hashes += 1
			raise Refused(401, "InvalidHash")
		if request.mimetype != "application/json":
			raise Refused(400, "InvalidContentType")

	def supported_payment_methods(self, request: Request) -> Response:
		return self._guarded(request, lambda: {"paymentMethods": ["Card"]})

	def order_exists(self, request: Request, number: str) -> Response:
		def find() -> dict:
			if self.ledger.find_order_by_reference(number) is None:
				raise Refused(404, "RecordNotFound")
			return {}

		return self._guarded(request, find)

	# Payment jobs -----------------------------------------------------------------------------------

	def create(self, request: Request) -> Response:
		return self._guarded(request, lambda: self._job(self._open(wire.json_object(request))), 201)

	def _open(self, body: dict) -> Order:
		parameters, order = body.get("parameters") or {}, body.get("order") or {}
		currency, number = body.get("currency"), order.get("orderNumber")
		minor = wire.read_amount(body.get("amountToCollect"), currency)
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
			expires_at=wire.read_utc(body.get("expirationDateTimeUtc")),
		)

	def _reference(self) -> str:
		return str(FIRST_REFERENCE + self.ledger.next_number())

	def status(self, request: Request, job_reference: str) -> Response:
		return self._guarded(request, lambda: self._job(self._find_order(job_reference)))

	def cancel(self, request: Request, job_reference: str) -> Response:
		return self._guarded(request, lambda: self._job(self._cancel(self._find_order(job_reference))))

	def _cancel(self, order: Order) -> Order:
		if order.state in (ledger.PAID, ledger.CANCELLED, ledger.EXPIRED):
			raise Refused(400, "InvalidPaymentStatus")
		order.state = ledger.CANCELLED
		for charge in self.ledger.charges_of(order):
			if charge.state == ledger.AUTHORIZED:
				self.ledger.set_charge_state(charge, ledger.VOIDED)
		return order

	def _find_order(self, job_reference: str) -> Order:
		order = self.ledger.find_order(job_reference)
		if order is None:
			raise Refused(404, "RecordNotFound")
		self._expire(order)
		return order

	def _expire(self, order: Order) -> None:
		expires_at = order.fields["expires_at"]
		if order.state == ledger.OPEN and expires_at and self.clock.now() > expires_at:
			order.state = ledger.EXPIRED

	def can_pay(self, order: Order) -> bool:
		self._expire(order)
		return super().can_pay(order)

	def _job(self, order: Order) -> dict:
		payments = [self._payment(charge) for charge in self.ledger.charges_of(order)]
		last = payments[-1]["status"] if payments else "Pending"
		if not self.config["payments_in_full"]:
			payments = [{name: payment[name] for name in ("reference", "status")} for payment in payments]
		return {
			"reference": self._format_reference(order.order_id),
			"createDateTimeUtc": order.created_at.isoformat(),
			"currency": self.reported_currency("status", order.currency),
			"amountToCollect": self._amount(order.amount_minor, order.currency),
			"paymentStatus": wire.JOB_STATUS.get(order.state, last),
			"order": {"orderNumber": order.reference},
			"payments": payments,
			"links": {"action": {"url": self.pay_url(order), "type": "Redirect"}},
		}

	# Payments ---------------------------------------------------------------------------------------

	def payment_status(self, request: Request, job_reference: str, reference: str) -> Response:
		return self._guarded(request, lambda: self._payment(self._find_charge(job_reference, reference)))

	def _find_charge(self, job_reference: str, reference: str) -> Charge:
		charge = self.ledger.find_charge(reference)
		if charge is None or charge.order_id != job_reference:
			raise Refused(404, "RecordNotFound")
		return charge

	def _payment(self, charge: Charge) -> dict:
		payment = {
			"reference": self._format_reference(charge.payment_id),
			"createDateTimeUtc": charge.created_at.isoformat(),
			"paymentMethods": ["Card"],
			"status": wire.PAYMENT_STATUS[charge.state],
			"amountToCollect": self._amount(charge.amount_minor, charge.currency),
			"refunds": [self._refund(refund) for refund in self.ledger.refunds_of(charge)],
			"attributes": {"originatingIpAddress": "192.0.2.1"},
		}
		if charge.state == ledger.CAPTURED:
			payment["paidAmount"] = payment["amountToCollect"]
		return payment

	def complete_checkout(self, order: Order, outcome: str, method: str) -> Return:
		parameters, charge = order.fields["parameters"], None
		if outcome == "success" and not self.config["auto_capture"]:
			charge = self.ledger.add_charge(order, self._reference(), ledger.AUTHORIZED, method=method)
		elif outcome != "cancel":
			charge = self.record_charge(order, self._reference(), outcome, method)
		url_name = {"cancel": "returnUrlCancelled", "failure": "returnUrlFailed"}.get(
			outcome, "returnUrlSuccess"
		)
		if charge and charge.state == ledger.FAILED:
			url_name = "returnUrlFailed"
		query = {"paymentjobref": order.order_id, "ordernumber": order.reference}
		if charge:
			self.notify_payment(order, charge)
			query["paymentref"] = charge.payment_id
		address = parameters[url_name]
		return Return("GET", address + ("&" if "?" in address else "?") + urlencode(query))

	def capture(self, request: Request, job_reference: str, reference: str) -> Response:
		return self._guarded(
			request, lambda: self._capture(request, self._find_charge(job_reference, reference)), 201
		)

	def _capture(self, request: Request, charge: Charge) -> dict:
		minor = wire.read_amount(wire.json_object(request).get("amountToCapture"), charge.currency)
		if charge.state != ledger.AUTHORIZED:
			raise Refused(400, "InvalidCaptureStatus")
		if minor > charge.amount_minor:
			raise Refused(400, "CaptureAmountExceedsOriginalAuthorisation")
		self.ledger.set_charge_state(charge, ledger.CAPTURED)
		self.notify_payment(self.ledger.find_order(charge.order_id), charge)
		return {"reference": self._format_reference(self._reference()), "status": "Completed"}

	# Refunds ----------------------------------------------------------------------------------------

	def refund(self, request: Request, job_reference: str, reference: str) -> Response:
		report = wire.error_report("UnexpectedPaymentStatus") if self.config["refund_reports_error"] else None
		return self._guarded(
			request,
			lambda: self._new_refund(request, self._find_charge(job_reference, reference)),
			201,
			report,
		)

	def _new_refund(self, request: Request, charge: Charge) -> dict:
		"""A repeated refundNumber is a second refund: nothing in the documentation says that Cashflows detects it."""
		body = wire.json_object(request)
		minor = wire.read_amount(body.get("amountToRefund"), charge.currency)
		if self.take_fault("refund", "decline"):
			raise Refused(201, "GenericRejectionOfRefund")  # a refusal with a successful status
		if charge.state != ledger.CAPTURED:
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
			"reference": self._format_reference(refund.refund_id),
			"refundNumber": refund.key,
			"status": wire.REFUND_STATUS[refund.state],
			"amountToRefund": self._amount(refund.amount_minor, refund.currency),
		}

	# Webhooks ---------------------------------------------------------------------------------------

	def notify_payment(self, order: Order, charge: Charge) -> None:
		"""Send the two references, which the response must repeat; no status, amount or signature."""
		references = {
			"paymentJobReference": self._format_reference(order.order_id),
			"paymentReference": self._format_reference(charge.payment_id),
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
		text = to_text(self.reported_amount("status", minor), currency)
		return f"{text}.00" if currency == "JPY" else text

	def _format_reference(self, reference: str) -> str | int:
		return int(reference) if self.config["references_as_numbers"] else reference
