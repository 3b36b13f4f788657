"""PhonePe Standard Checkout v2: OAuth token, plain JSON, webhooks configured in the dashboard.

https://developer.phonepe.com/payment-gateway/website-integration/standard-checkout/api-integration/api-reference
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timezone
from urllib.parse import quote

from oropendola_payments.gateways.base import (
	Callback,
	Checkout,
	Gateway,
	Notice,
	Outcome,
	PaymentEvent,
	PaymentRef,
	PaymentRequest,
	RefundEvent,
	RefundOutcome,
	RefundRequest,
	Sdk,
)
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayRefused,
	MaybeSent,
	NotSent,
	SignatureError,
)
from oropendola_payments.gateways.http import member, read_json, short_text
from oropendola_payments.gateways.phonepe.mapping import LABEL, address_of, paise_of, refusal, rupees_of

REFUSED_KEYS = (
	"PhonePe refused the keys. Please check Client ID, Client Secret and Client Version, and the mode."
)
ORDER_OUTCOMES = {"COMPLETED": Outcome.PAID, "FAILED": Outcome.FAILED, "PENDING": Outcome.PENDING}
REFUND_OUTCOMES = {"COMPLETED": RefundOutcome.REFUNDED, "FAILED": RefundOutcome.FAILED}
# `checkout.transaction.attempt.failed` is not among them: one attempt failed, the order may still be paid.
ORDER_EVENTS = frozenset(
	{"checkout.order.completed", "checkout.order.failed", "pg.order.completed", "pg.order.failed"}
)
REFUND_EVENTS = frozenset({"pg.refund.accepted", "pg.refund.completed", "pg.refund.failed"})
EXPIRY_SECONDS = 1800  # PhonePe allows 300 to 3600
RENEW_BEFORE_SECONDS = 240
DAY_SECONDS = 86400


class StandardCheckout:
	"""The root `state` of an answer alone decides, never the state of one attempt inside it."""

	def __init__(self, gateway: Gateway):
		self.gateway = gateway
		self.secrets = gateway.secrets

	def test_connection(self) -> str:
		self.gateway.tokens.delete(self._token_key())
		self._token()
		return "PhonePe accepts Client ID and Client Secret."

	def token_state(self) -> str:
		return "cached" if self.gateway.tokens.get(self._token_key()) else "none"

	def create(self, request: PaymentRequest) -> Checkout:
		status, answer = self._ask("POST", "/checkout/v2/pay", json=self._order(request))
		if status == 409:
			raise MaybeSent("PhonePe already has this order, so its status must be checked.")
		if status >= 400:
			raise refusal(answer)
		url = address_of(answer.get("redirectUrl"))
		order_id = short_text(answer.get("orderId"))
		if not url or not order_id:
			raise BadAnswer("PhonePe opened the order without an address for the customer.")
		return self._checkout(request, order_id, url, _moment(answer.get("expireAt")))

	def status(self, payment: PaymentRef) -> PaymentEvent:
		path = f"/checkout/v2/order/{quote(payment.reference, safe='')}/status"
		status, answer = self._ask("GET", path, params={"details": "true", "errorContext": "true"})
		if _is_unknown(status, answer):
			return PaymentEvent(Outcome.NOT_FOUND, payment.reference, payment.order_id)
		if status >= 400:
			raise refusal(answer)
		return self._event(answer, payment.reference, payment.order_id)

	def refund(self, request: RefundRequest) -> RefundEvent:
		status, answer = self._ask("POST", "/payments/v2/refund", json=self._refund_order(request))
		if status < 400:
			return self._refund_event(answer, request.key, request.payment.reference)
		known = self.refund_status(request)  # an earlier try with this key may have come through
		if known.outcome is RefundOutcome.NOT_FOUND:
			raise refusal(answer)
		return known

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		path = f"/payments/v2/refund/{quote(request.key, safe='')}/status"
		status, answer = self._ask("GET", path)
		if _is_unknown(status, answer):
			return RefundEvent(RefundOutcome.NOT_FOUND, request.key, reference=request.payment.reference)
		if status >= 400:
			raise refusal(answer)
		return self._refund_event(answer, request.key, request.payment.reference)

	def verify(self, callback: Callback) -> None:
		received, expected = self._proofs(callback)
		if not any(hmac.compare_digest(known.encode(), received) for known in expected):
			raise SignatureError(
				"PhonePe's webhook does not match the webhook credentials. Please check them."
			)

	def parse(self, body: dict, query: Mapping[str, str]) -> Notice:
		"""The SHA header is a constant that covers no content, so then this only rings the bell."""
		event = short_text(body.get("event"), 80) or ""
		payload = body["payload"] if isinstance(body.get("payload"), dict) else {}
		name = "originalMerchantOrderId" if event in REFUND_EVENTS else "merchantOrderId"
		reference, order_id = short_text(payload.get(name)), short_text(payload.get("orderId"))
		if self.secrets.get("webhook_id"):
			return Notice(reference=reference, order_id=order_id, event_type=event)
		return Notice(
			events=self._events(event, payload, reference),
			verified=True,
			confirm=True,
			reference=reference,
			order_id=order_id,
			event_key=_event_key(event, payload),
			event_type=event,
		)

	# Paying ---------------------------------------------------------------------------------------

	def _order(self, request: PaymentRequest) -> dict:
		order = {
			"merchantOrderId": request.reference,
			"amount": paise_of(request.amount, request.currency),
			"expireAfter": EXPIRY_SECONDS,
			"paymentFlow": {"type": "PG_CHECKOUT", "merchantUrls": {"redirectUrl": request.return_url}},
		}
		return {**order, "metaInfo": {"udf1": request.invoice[:256]}} if request.invoice else order

	def _checkout(self, request: PaymentRequest, order_id: str, url: str, expires_at) -> Checkout:
		if request.flow != "embedded":
			return Checkout("redirect", order_id, url=url, expires_at=expires_at)
		script = self.gateway.host("script") + "/web/bundle/checkout.js"
		sdk = Sdk("phonepe", script, {"tokenUrl": url, "type": "IFRAME"})
		return Checkout("sdk", order_id, url=url, sdk=sdk, expires_at=expires_at)

	def _event(
		self, order: Mapping, reference: str | None, known_order_id: str | None = None
	) -> PaymentEvent:
		outcome = ORDER_OUTCOMES.get(short_text(order.get("state")), Outcome.PENDING)
		order_id = short_text(order.get("orderId")) or known_order_id
		amount = rupees_of(order.get("amount"))
		reason = short_text(member(order, "errorContext", "description"), 200)
		if outcome is Outcome.PAID and not (amount and order_id):
			outcome, reason = (
				Outcome.PENDING,
				"PhonePe reports the order as completed without the amount.",
			)
		attempt = _attempt_of(order)
		return PaymentEvent(
			outcome,
			reference,
			order_id,
			# An order is paid once, and its id is told in every message; an attempt's is not.
			payment_id=order_id if outcome is Outcome.PAID else None,
			amount=amount,
			currency="INR",
			method=short_text(attempt.get("paymentMode"), 40),
			occurred_at=_moment(attempt.get("timestamp")),
			error_code=short_text(order.get("detailedErrorCode")) or short_text(order.get("errorCode")),
			reason=reason,
			details={
				"transaction_id": short_text(attempt.get("transactionId")),
				"attempts": len(_attempts(order)),
			},
		)

	# Hearing --------------------------------------------------------------------------------------

	def _proofs(self, callback: Callback) -> tuple[bytes, list[str]]:
		"""What the message carries, and what it may be: of the present secret or of the one before."""
		names = ("webhook_secret", "webhook_secret_previous")
		secrets = [self.secrets[name] for name in names if self.secrets.get(name)]
		user = self.secrets.get("webhook_id")
		if user:
			received = callback.header("Authorization")
			expected = [hashlib.sha256(f"{user}:{secret}".encode()).hexdigest() for secret in secrets]
		else:
			received = callback.header("x-phonepe-checksum-signature")
			expected = [hmac.new(key.encode(), callback.body, hashlib.sha256).hexdigest() for key in secrets]
		return received[:200].encode("utf-8", "replace"), expected

	def _events(self, event: str, payload: Mapping, reference: str | None) -> tuple:
		if event in ORDER_EVENTS:
			return (self._event(payload, reference),)
		if event in REFUND_EVENTS:
			return (self._refund_event(payload, short_text(payload.get("merchantRefundId")), reference),)
		return ()

	# Giving back ----------------------------------------------------------------------------------

	def _refund_order(self, request: RefundRequest) -> dict:
		return {
			"merchantRefundId": request.key,
			"originalMerchantOrderId": request.payment.reference,
			"amount": paise_of(request.amount, request.currency),
		}

	def _refund_event(self, refund: Mapping, key: str | None, reference: str | None) -> RefundEvent:
		return RefundEvent(
			REFUND_OUTCOMES.get(short_text(refund.get("state")), RefundOutcome.PROCESSING),
			key=key,
			refund_id=short_text(refund.get("refundId")),
			reference=reference,
			amount=rupees_of(refund.get("amount")),
			currency="INR",
			occurred_at=_moment(_attempt_of(refund).get("timestamp")),
			reason=short_text(refund.get("detailedErrorCode")) or short_text(refund.get("errorCode")),
		)

	# Asking ---------------------------------------------------------------------------------------

	def _ask(self, method: str, path: str, **options) -> tuple[int, dict]:
		"""HTTP status and JSON; a refused token is renewed once, for nothing was done then."""
		answer = self._send(method, path, options)
		if answer.status_code == 401:
			self.gateway.tokens.delete(self._token_key())
			answer = self._send(method, path, options)
		status = answer.status_code
		if status in (401, 403):
			raise CredentialsRefused(REFUSED_KEYS)
		if status == 429 or status >= 500 or 300 <= status < 400:
			raise self.gateway.http.error_of(answer, LABEL)
		return status, read_json(answer, LABEL)

	def _send(self, method: str, path: str, options: dict):
		headers = {"Authorization": f"O-Bearer {self._token()}", "Accept": "application/json"}
		if self.secrets.get("account_id"):
			headers["X-MERCHANT-ID"] = self.secrets["account_id"]
		url = self.gateway.host("api") + path
		return self.gateway.http.send(method, url, label=LABEL, headers=headers, **options)

	def _token(self) -> str:
		tokens, key = self.gateway.tokens, self._token_key()
		known = tokens.get(key)
		if known:
			return known
		token, seconds = self._fetch_token()
		if seconds > 0:
			tokens.set(key, token, seconds)
		return token

	def _token_key(self) -> str:
		"""Changes with the credentials and the host, so that new keys never use the old ones' token."""
		parts = (
			self.gateway.host("token"),
			*(self.secrets.get(name, "") for name in ("key_id", "key_secret", "key_version")),
		)
		return "phonepe:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

	def _fetch_token(self) -> tuple[str, int]:
		fields = {
			"client_id": self.secrets.get("key_id", ""),
			"client_version": self.secrets.get("key_version", ""),
			"client_secret": self.secrets.get("key_secret", ""),
			"grant_type": "client_credentials",
		}
		url = self.gateway.host("token") + "/v1/oauth/token"
		try:
			answer = self.gateway.http.call("POST", url, label=LABEL, data=fields)
			told = read_json(answer, LABEL)
		except GatewayRefused as error:
			raise CredentialsRefused(REFUSED_KEYS) from error
		except (MaybeSent, BadAnswer) as error:
			raise NotSent(
				"PhonePe gives no access token at the moment. Please try again in a minute."
			) from error
		return self._read_token(told)

	def _read_token(self, told: Mapping) -> tuple[str, int]:
		token, expires_at = short_text(told.get("access_token"), 4096), told.get("expires_at")
		if not token or not token.isascii() or not isinstance(expires_at, int):
			raise NotSent("PhonePe's access token cannot be read. Please try again in a minute.")
		left = expires_at - int(self.gateway.now().timestamp())
		return token, min(max(left - RENEW_BEFORE_SECONDS, left // 2), DAY_SECONDS)


def _is_unknown(status: int, answer: Mapping) -> bool:
	"""Whether PhonePe has never heard of the id. A bare 404 of a wrong host has no such code."""
	code = short_text(answer.get("code")) or short_text(answer.get("errorCode")) or ""
	return status in (400, 404) and code.upper().endswith("NOT_FOUND")


def _attempts(order: Mapping) -> list[Mapping]:
	told = order.get("paymentDetails")
	return [entry for entry in told if isinstance(entry, dict)] if isinstance(told, list) else []


def _attempt_of(order: Mapping) -> Mapping:
	"""The attempt that belongs to the order's state, else the newest."""
	attempts, state = _attempts(order), short_text(order.get("state"))
	same = [attempt for attempt in attempts if short_text(attempt.get("state")) == state]
	return (same or attempts or [{}])[-1]


def _event_key(event: str, payload: Mapping) -> str:
	names = ("merchantRefundId", "merchantOrderId", "originalMerchantOrderId", "state")
	parts = [event, *(short_text(payload.get(name)) for name in names)]
	if event not in ORDER_EVENTS | REFUND_EVENTS:
		parts.append(short_text(_attempt_of(payload).get("transactionId")))
	return hashlib.sha256(repr(parts).encode()).hexdigest()


def _moment(milliseconds) -> datetime | None:
	is_whole = isinstance(milliseconds, int) and not isinstance(milliseconds, bool)
	if not is_whole or not 0 < milliseconds < 10**14:
		return None
	return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
