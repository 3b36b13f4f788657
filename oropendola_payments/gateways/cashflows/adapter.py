"""Cashflows Gateway (UK), hosted payment page.

https://developer.cashflows.com/api_reference/cashflows_gateway.html and /integration_guides/hosted_payment_page.html.
Cashflows locks accounts after repeated wrong signatures, so after one refusal nothing more is sent with the same keys
for a while. The error carries `gateway_code` SIGNATURE_REFUSED: the engine's breaker opens at once on it.
"""

import hashlib
import hmac
import json
import re
from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote

import requests

from oropendola_payments.gateways.base import (
	Callback,
	Capabilities,
	Checkout,
	Credential,
	Gateway,
	Notice,
	Outcome,
	PaymentEvent,
	PaymentRef,
	PaymentRequest,
	RefundEvent,
	RefundOutcome,
	RefundRequest,
)
from oropendola_payments.gateways.cashflows.mapping import (
	asked_refund,
	error_in,
	job_events,
	payment_event,
	ref_text,
	refund_in,
)
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayError,
	GatewayRefused,
	MalformedNotice,
	MaybeSent,
	NotSent,
	SignatureError,
)
from oropendola_payments.gateways.http import HttpClient, member, parse_object, read_json
from oropendola_payments.money import to_minor

SIGNATURE_REFUSED = "signature_refused"
SILENT_SECONDS = 600
OPEN_MINUTES = 24 * 60  # Cashflows' own default is six months
# From integrators; which of them an account takes is in the Portal.
CURRENCIES = frozenset("AUD CAD CHF DKK EUR GBP HKD JPY NOK NZD SEK SGD USD ZAR".split())  # noqa: SIM905
REFUSED = (
	"Cashflows does not accept the Configuration ID and the API key. Please copy both again from the Cashflows Portal;"
	" integration and production have different ones. Requests with these keys are paused for ten minutes, because"
	" Cashflows locks accounts after repeated refusals."
)


class Cashflows(Gateway):
	code = "cashflows"
	label = "Cashflows"
	credentials = (
		Credential("key_id", "Configuration ID"),
		Credential("key_secret", "API key", help="Also called API password in the Portal."),
		Credential(
			"webhook_secret",
			"Webhook shared secret (our own)",
			False,
			"Leave this empty: Cashflows does not sign webhooks. Only for your own proxy that signs with X-Signature.",
		),
		Credential(
			"webhook_secret_previous", "Previous webhook shared secret", False, "Only while you change it."
		),
	)
	simulator_secrets = {
		"key_id": "210101010101010101",
		"key_secret": "simulator-cashflows-api-key-not-real",
	}
	capabilities = Capabilities(currencies=CURRENCIES, methods=("card",), capture=True, cancel=True)
	answer_names = {
		"payment_job_reference": "order_id",
		"payment_reference": "payment_id",
		"action_url": "url",
	}
	hosts = {
		"Test": {"api": "https://gateway-int.cashflows.com"},
		"Live": {"api": "https://gateway.cashflows.com"},
	}

	# Settings -------------------------------------------------------------------------------------

	@classmethod
	def credential_problems(cls, secrets, mode) -> list[str]:
		problems = []
		key_id, key_secret = secrets.get("key_id") or "", secrets.get("key_secret") or ""
		if re.fullmatch(r"[0-9A-Fa-f]{128}", key_secret):
			problems.append(
				"This looks like a hash of the API key. Please enter the API key itself, from the Portal."
			)
		if key_id and key_id == key_secret:
			problems.append(
				"Configuration ID and API key are the same. Please copy the API key from the Portal."
			)
		if any(text != text.strip() or "\n" in text for text in (key_id, key_secret)):
			problems.append("The Configuration ID or the API key has spaces around it. Please remove them.")
		return problems

	def is_suspended(self) -> bool:
		return bool(self.tokens.get(self._silence_name()))

	@classmethod
	def is_retryable_decline(cls, error_code: str) -> bool:
		return error_code not in ("Expired", "Cancelled")

	def test_connection(self) -> str:
		# A person asks, perhaps after unlocking the account: one more call is wanted.
		self.tokens.delete(self._silence_name())
		answer = self._send("GET", "supported-payment-methods")
		if answer.status_code == 404:
			raise CredentialsRefused(
				f"Cashflows does not know the Configuration ID on its {self.mode} address. Please check that the keys"
				" are those of this mode.",
				gateway_code="configuration_unknown",
			)
		self._read(answer)
		return f"Cashflows accepts the Configuration ID and the API key ({self.mode})."

	# Paying ---------------------------------------------------------------------------------------

	def create(self, request: PaymentRequest) -> Checkout:
		expires_at = self.now() + timedelta(minutes=OPEN_MINUTES)
		try:
			told = self._call("POST", "payment-jobs", self._job_of(request, expires_at))
		except MaybeSent:
			# Cashflows has no idempotency key, but can say whether it knows the order number.
			if self._knows_order(request.reference):
				raise
			raise NotSent("Cashflows did not answer and has no such order. Please try again.") from None
		order_id, url = ref_text(member(told, "data", "reference")), member(told, "links", "action", "url")
		if not order_id or not isinstance(url, str) or not url.startswith(("https://", self.host())):
			raise BadAnswer(
				"Cashflows opened a payment job without a reference or without a page to pay it on."
			)
		return Checkout(next_action="redirect", order_id=order_id, url=url, expires_at=expires_at)

	def _job_of(self, request: PaymentRequest, expires_at) -> dict:
		order = {"orderNumber": request.reference, "note": request.description[:100]}
		if request.customer.email:
			order["billingIdentity"] = {"emailAddress": request.customer.email}
		return {
			"type": "Payment",
			"amountToCollect": self._amount(request.amount, request.currency),
			"currency": request.currency,
			"locale": "en_GB",
			"order": order,
			"parameters": {
				"returnUrlSuccess": request.return_url,
				"returnUrlFailed": request.return_url,
				"returnUrlCancelled": request.cancel_url,
				"webhookUrl": request.webhook_url,
			},
			"expirationDateTimeUtc": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
		}

	def status(self, payment: PaymentRef) -> list[PaymentEvent | RefundEvent]:
		"""What the payment job says, refunds behind payments. Without its reference only whether Cashflows knows our order number."""
		if not payment.order_id:
			return [self._status_by_order_number(payment)]
		told = self._get(f"payment-jobs/{_part(payment.order_id)}")
		if told is None:
			return [PaymentEvent(Outcome.NOT_FOUND, order_id=payment.order_id)]
		job = self._data(told)
		return job_events(job, lambda reference: self._payment(payment.order_id, reference))

	def _status_by_order_number(self, payment: PaymentRef) -> PaymentEvent:
		"""A create that was not answered: nobody ever got the page to pay on, so the job can only expire."""
		outcome = Outcome.NOT_FOUND
		if payment.reference and self._knows_order(payment.reference):
			too_old = self.now() - timedelta(minutes=OPEN_MINUTES)
			is_over = payment.created_at is not None and payment.created_at < too_old
			outcome = Outcome.EXPIRED if is_over else Outcome.PENDING
		return PaymentEvent(outcome, reference=payment.reference)

	def capture(self, payment: PaymentRef, event: PaymentEvent, key: str) -> PaymentEvent:
		"""Take a reserved amount. There is no idempotency key, so what was taken already is looked up first."""
		job, reference, before = self._reserved(payment, event)
		if before.outcome is not Outcome.AUTHORIZED:
			return before
		body = {"amountToCapture": self._amount(before.amount, before.currency), "isFinalCapture": True}
		try:
			self._call("POST", f"{_payment_path(payment.order_id, reference)}/captures", body)
		except CredentialsRefused:
			raise
		except GatewayRefused as error:
			after = payment_event(self._payment(payment.order_id, reference), job)
			if after.outcome is Outcome.AUTHORIZED:
				raise error
			return after
		return payment_event(self._payment(payment.order_id, reference), job)

	def _reserved(self, payment: PaymentRef, event: PaymentEvent):
		reference = event.payment_id or payment.payment_id
		if not payment.order_id or not reference:
			raise GatewayRefused("This payment has no Cashflows payment job, so it cannot be captured.")
		told = self._get(f"payment-jobs/{_part(payment.order_id)}")
		if told is None:
			raise GatewayRefused("Cashflows does not know the payment job.")
		job = self._data(told)
		return job, reference, payment_event(self._payment(payment.order_id, reference), job)

	def cancel(self, payment: PaymentRef) -> PaymentEvent:
		"""Close the job; what is true afterwards, which may be that it was paid a moment earlier."""
		if not payment.order_id:
			return self.status(payment)[0]  # its creation was not answered: nobody has the page to pay on
		try:
			self._call("PATCH", f"payment-jobs/{_part(payment.order_id)}/cancel")
		except CredentialsRefused:
			raise
		except GatewayRefused as error:
			if error.gateway_code != "InvalidPaymentStatus":
				raise
		events = [event for event in self.status(payment) if isinstance(event, PaymentEvent)]
		return next((e for e in events if e.outcome in (Outcome.PAID, Outcome.AUTHORIZED)), events[-1])

	# Hearing --------------------------------------------------------------------------------------

	def verify(self, callback: Callback) -> None:
		"""Cashflows signs nothing: both kinds are doorbells. A shared secret of our own is checked where one is set."""
		secrets = [
			self.secrets[n] for n in ("webhook_secret", "webhook_secret_previous") if n in self.secrets
		]
		if callback.kind == "return" or not secrets:
			return
		received = callback.header("X-Signature")[:200].lower().encode("utf-8", "replace")
		wanted = [hmac.new(s.encode(), callback.body, hashlib.sha256).hexdigest().encode() for s in secrets]
		if not any(hmac.compare_digest(one, received) for one in wanted):
			raise SignatureError("The X-Signature header does not match the webhook.")

	def parse(self, callback: Callback) -> Notice:
		if callback.kind == "return":
			return _returned(callback)
		try:
			message = parse_object(callback.body, self.label)
		except BadAnswer:
			raise MalformedNotice("The Cashflows webhook is not a JSON object.") from None
		job, payment = message.get("paymentJobReference"), message.get("paymentReference")
		if not ref_text(job) or (payment is not None and not ref_text(payment)):
			raise MalformedNotice("The Cashflows webhook does not name a payment job.")
		event_type = message.get("notifyType")
		return Notice(
			order_id=ref_text(job),
			payment_id=ref_text(payment),
			event_type=event_type[:140] if isinstance(event_type, str) else "",
			# Anything but this echo counts as not delivered and is repeated for a month.
			reply={"paymentJobReference": job, "paymentReference": payment},
		)

	# Giving back ----------------------------------------------------------------------------------

	def refund(self, request: RefundRequest) -> RefundEvent:
		"""Ask for the refund unless one with our number exists: Cashflows would pay a repeated request twice."""
		before = self.refund_status(request)
		if before.outcome is not RefundOutcome.NOT_FOUND:
			return before
		path = f"{_payment_path(request.payment.order_id, request.payment_id)}/refunds"
		amount = self._amount(request.amount, request.currency)
		try:
			told = self._call("POST", path, {"amountToRefund": amount, "refundNumber": request.key})
		except CredentialsRefused:
			raise
		except GatewayRefused as error:
			# An error report can come along with a refund that was made.
			after = self.refund_status(request)
			if after.outcome is RefundOutcome.NOT_FOUND:
				raise error
			return after
		return asked_refund(self._data(told), request)

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		if not request.payment.order_id:
			raise GatewayRefused("This payment has no Cashflows payment job, so it cannot be refunded.")
		found = refund_in(self._payment(request.payment.order_id, request.payment_id), request)
		if found is None:
			return RefundEvent(RefundOutcome.NOT_FOUND, key=request.key, payment_id=request.payment_id)
		return asked_refund(found, request)

	# Talking --------------------------------------------------------------------------------------

	def _amount(self, amount: Decimal, currency: str) -> str:
		"""Two decimals with a dot, whatever the currency, and nothing finer than the currency has."""
		try:
			to_minor(amount, currency)
			return f"{Decimal(to_minor(amount, currency, 2)).scaleb(-2):f}"
		except ValueError as error:
			raise GatewayRefused(f"Cashflows cannot accept this amount: {error}") from None

	def _payment(self, job_reference: str, reference: str) -> dict:
		told = self._get(_payment_path(job_reference, reference))
		if told is None:
			raise BadAnswer("Cashflows no longer shows a payment that it reported.")
		return self._data(told)

	def _knows_order(self, reference: str) -> bool:
		answer = self._send("HEAD", f"orders/{_part(reference)}")
		if answer.status_code in (200, 204):
			return True
		if answer.status_code == 404:
			return False
		raise self._refusal(answer)

	def _get(self, path: str) -> dict | None:
		"""The answer's object; None when Cashflows has no such record."""
		answer = self._send("GET", path)
		return None if answer.status_code == 404 else self._read(answer)

	def _call(self, method: str, path: str, body: dict | None = None) -> dict:
		return self._read(self._send(method, path, body))

	def _send(self, method: str, path: str, body: dict | None = None) -> requests.Response:
		if self.is_suspended():
			raise CredentialsRefused(REFUSED, gateway_code=SIGNATURE_REFUSED)
		content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
		headers = {
			"ConfigurationId": self.secrets.get("key_id", ""),
			"Hash": self._hash(content),
			"Content-Type": "application/json",
		}
		url = f"{self.host()}/api/gateway/{path}"
		answer = self.http.send(method, url, label=self.label, headers=headers, data=content or None)
		if answer.status_code == 401:
			self.tokens.set(self._silence_name(), "refused", SILENT_SECONDS)
			raise CredentialsRefused(REFUSED, gateway_code=SIGNATURE_REFUSED)
		return answer

	def _hash(self, content: bytes) -> str:
		"""SHA-512 of the API key and then the very bytes that are sent. Not an HMAC, and not body before key."""
		return hashlib.sha512(self.secrets.get("key_secret", "").encode() + content).hexdigest().upper()

	def _read(self, answer: requests.Response) -> dict:
		if answer.status_code not in (200, 201):
			raise self._refusal(answer)
		told = read_json(answer, self.label)
		code = error_in(told)
		if code:  # a success can still carry an error report
			raise GatewayRefused(f"Cashflows refused the request: {code}.", gateway_code=code)
		return told

	def _refusal(self, answer: requests.Response) -> GatewayError:
		try:
			code = error_in(read_json(answer, self.label))
		except BadAnswer:
			code = None
		message = f"Cashflows refused the request: {code} (HTTP {answer.status_code})." if code else None
		return HttpClient.error_of(answer, self.label, message, code)

	@staticmethod
	def _data(told: dict) -> dict:
		data = told.get("data")
		if not isinstance(data, dict):
			raise BadAnswer("Cashflows sent an answer without data.")
		return data

	def _silence_name(self) -> str:
		# The keys are part of the name: new keys are tried at once.
		parts = (self.host(), self.secrets.get("key_id", ""), self.secrets.get("key_secret", ""))
		return "cashflows:refused:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _returned(callback: Callback) -> Notice:
	query = callback.query
	return Notice(
		reference=(query.get("attempt") or "")[:140] or None,
		order_id=ref_text(query.get("paymentjobref")),
		payment_id=ref_text(query.get("paymentref")),
		event_type="return",
	)


def _part(text: str) -> str:
	return quote(text, safe="")


def _payment_path(job_reference: str, reference: str) -> str:
	return f"payment-jobs/{_part(job_reference)}/payments/{_part(reference)}"
