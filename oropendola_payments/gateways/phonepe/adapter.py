"""PhonePe's adapter: Standard Checkout (v2), and for accounts without a Client ID the older salt scheme.

https://developer.phonepe.com/payment-gateway/website-integration/standard-checkout. The two products have different
credentials; which ones are filled in decides. They are never mixed.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

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
	Sdk,
)
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayError,
	MalformedNotice,
	MaybeSent,
	SignatureError,
)
from oropendola_payments.gateways.parsing import parse_object, short_text, unix_time_ms, web_address
from oropendola_payments.gateways.phonepe import notices
from oropendola_payments.gateways.phonepe.client import LABEL, Client
from oropendola_payments.gateways.phonepe.mapping import (
	FAILURE_CLASSES,
	PAYOUT_FILE,
	is_unknown,
	order_event,
	refund_event,
	refusal,
)
from oropendola_payments.gateways.phonepe.payloads import order_body, refund_body
from oropendola_payments.gateways.phonepe.salt_scheme.adapter import SaltScheme
from oropendola_payments.gateways.phonepe.signature import check_signature

NEW_SLOTS = ("key_id", "key_secret", "key_version")
LEGACY_SLOTS = ("legacy_id", "legacy_secret", "legacy_version")
BOTH_FILLED = (
	"Client ID and Salt Key belong to two different products of PhonePe. "
	"Please keep the credentials of one product and empty the fields of the other."
)
PUBLIC_TEST_MERCHANT = "PGTESTPAYUAT"
SANDBOX = "https://api-preprod.phonepe.com/apis/pg-sandbox"
SCRIPT_HOST = "https://mercury.phonepe.com"
# While a pending payment is younger than this (seconds): the pause before the next status query. PhonePe demands this schedule.
POLLING = ((52, 3), (112, 6), (172, 10), (232, 30))
FIRST_POLL_SECONDS = 22
LATER_POLL_SECONDS = 60


class StandardCheckout:
	"""The product behind the credentials Client ID, Client Secret and Client Version."""

	def __init__(self, gateway: Gateway):
		self.gateway = gateway
		self.client = Client(gateway)

	def test_connection(self) -> str:
		self.client.check_keys()
		return "PhonePe accepts Client ID and Client Secret."

	def create(self, request: PaymentRequest) -> Checkout:
		status, answer = self.client.create_order(order_body(request))
		if status == 409:
			raise MaybeSent("PhonePe already has this order, so its status must be checked.")
		if status >= 400:
			raise refusal(answer)
		url, order_id = web_address(answer.get("redirectUrl")), short_text(answer.get("orderId"))
		if not url or not order_id:
			raise BadAnswer("PhonePe opened the order without an address for the customer.")
		expires_at = unix_time_ms(answer.get("expireAt"))
		if request.flow != "embedded":
			return Checkout("redirect", order_id, url=url, expires_at=expires_at)
		script = self.gateway.host("script") + "/web/bundle/checkout.js"
		sdk = Sdk("phonepe", script, {"tokenUrl": url, "type": "IFRAME"})
		return Checkout("sdk", order_id, url=url, sdk=sdk, expires_at=expires_at)

	def status(self, payment: PaymentRef) -> PaymentEvent:
		status, answer = self.client.order(payment.reference)
		if is_unknown(status, answer):
			return PaymentEvent(Outcome.NOT_FOUND, payment.reference, payment.order_id)
		if status >= 400:
			raise refusal(answer)
		return order_event(answer, payment.reference, payment.order_id)

	def refund(self, request: RefundRequest) -> RefundEvent:
		return self.gateway.refund_once(request, lambda: self._send_refund(request))

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		status, answer = self.client.refund(request.key)
		if is_unknown(status, answer):
			return RefundEvent(RefundOutcome.NOT_FOUND, request.key, reference=request.payment.reference)
		if status >= 400:
			raise refusal(answer)
		return refund_event(answer, request.key, request.payment.reference)

	def verify(self, callback: Callback) -> None:
		check_signature(callback, self.gateway)

	def parse(self, body: Mapping[str, Any], query: Mapping[str, str]) -> Notice:
		return notices.parse(body, self.gateway)

	def _send_refund(self, request: RefundRequest) -> RefundEvent:
		status, answer = self.client.create_refund(refund_body(request))
		if status >= 400:
			raise refusal(answer)
		return refund_event(answer, request.key, request.payment.reference)


class PhonePe(Gateway):
	code = "phonepe"
	label = LABEL
	credentials = (
		Credential("key_id", "Client ID", False, "Standard Checkout (v2), the product of new accounts."),
		Credential("key_secret", "Client Secret", False),
		Credential(
			"key_version", "Client Version", False, "1 in test mode; live, the number issued with the ID."
		),
		Credential("account_id", "Merchant ID", False, "Only for partners who act for several merchants."),
		Credential("webhook_id", "Webhook Username", False, "Leave it empty if the webhook uses HMAC."),
		Credential("webhook_secret", "Webhook Password", False, "Or the secret key of an HMAC webhook."),
		Credential(
			"webhook_secret_previous", "Previous Webhook Password", False, "Only while you change it."
		),
		Credential(
			"legacy_id", "Merchant ID (salt scheme)", False, "Only for old accounts without a Client ID."
		),
		Credential("legacy_secret", "Salt Key", False),
		Credential("legacy_version", "Salt Index", False),
	)
	failure_classes = FAILURE_CLASSES
	simulator_secrets = {
		"key_id": "SIMPHONEPECLIENT",
		"key_secret": "simulator-phonepe-client-secret",
		"key_version": "1",
		"webhook_id": "simhook_user",
		"webhook_secret": "Simhook2pass",
	}
	payout_file = PAYOUT_FILE
	capabilities = Capabilities(
		currencies=frozenset({"INR"}),
		methods=("upi", "card", "netbanking"),
		flows=("redirect", "embedded"),
		one_refund_at_a_time=True,
		minimum={"INR": Decimal("1.00")},
		browser_hosts=(SCRIPT_HOST,),
	)
	answer_names = {"checkout_url": "url"}
	hosts = {
		"Test": {"token": SANDBOX, "api": SANDBOX, "legacy": SANDBOX, "script": SCRIPT_HOST},
		"Live": {
			"token": "https://api.phonepe.com/apis/identity-manager",
			"api": "https://api.phonepe.com/apis/pg",
			"legacy": "https://api.phonepe.com/apis/hermes",
			"script": SCRIPT_HOST,
		},
	}

	# Settings -------------------------------------------------------------------------------------

	@classmethod
	def missing_credentials(cls, secrets: Mapping[str, str]) -> list[str]:
		is_legacy = _any(secrets, LEGACY_SLOTS) and not _any(secrets, NEW_SLOTS)
		labels = {credential.name: credential.label for credential in cls.credentials}
		return [labels[name] for name in (LEGACY_SLOTS if is_legacy else NEW_SLOTS) if not secrets.get(name)]

	@classmethod
	def credential_problems(cls, secrets: Mapping[str, str], mode: str) -> list[str]:
		problems = []
		if _any(secrets, NEW_SLOTS) and _any(secrets, LEGACY_SLOTS):
			problems.append(BOTH_FILLED)
		for name, label in (("key_version", "Client Version"), ("legacy_version", "Salt Index")):
			if secrets.get(name) and not (secrets[name].isascii() and secrets[name].isdigit()):
				problems.append(f"{label} is a number, such as 1.")
		if secrets.get("webhook_id") and not secrets.get("webhook_secret"):
			problems.append("A Webhook Username needs its Webhook Password.")
		if mode == "Live" and secrets.get("legacy_id") == PUBLIC_TEST_MERCHANT:
			problems.append(f"{PUBLIC_TEST_MERCHANT} is PhonePe's public test merchant: not for Live mode.")
		return problems

	@property
	def product(self) -> StandardCheckout | SaltScheme:
		if _any(self.secrets, NEW_SLOTS) and _any(self.secrets, LEGACY_SLOTS):
			raise CredentialsRefused(BOTH_FILLED)
		return SaltScheme(self) if _any(self.secrets, LEGACY_SLOTS) else StandardCheckout(self)

	def test_connection(self) -> str:
		return self.product.test_connection()

	def token_state(self) -> str:
		"""The salt scheme signs each call and needs none."""
		if _any(self.secrets, LEGACY_SLOTS):
			return "not used"
		return "cached" if Client(self).has_token() else "none"

	# Payments -------------------------------------------------------------------------------------

	def create(self, request: PaymentRequest) -> Checkout:
		return self.product.create(request)

	def status(self, payment: PaymentRef) -> list[PaymentEvent | RefundEvent]:
		return [self.product.status(payment)]

	@classmethod
	def poll_seconds(cls, age_seconds: int) -> int:
		"""PhonePe's own schedule of status queries for a pending payment."""
		if age_seconds < FIRST_POLL_SECONDS:
			return FIRST_POLL_SECONDS - max(int(age_seconds), 0)
		return next((wait for until, wait in POLLING if age_seconds < until), LATER_POLL_SECONDS)

	# Returns and webhooks -------------------------------------------------------------------------

	def verify(self, callback: Callback) -> None:
		if callback.kind == "return":
			return  # nothing is signed there
		try:
			self.product.verify(callback)
		except (CredentialsRefused, BadAnswer) as error:
			raise SignatureError(str(error)) from error

	def parse(self, callback: Callback) -> Notice:
		if callback.kind == "return":
			return Notice(reference=short_text(callback.query.get("attempt")), event_type="return")
		try:
			return self.product.parse(parse_object(callback.body, LABEL), callback.query)
		except BadAnswer as error:
			raise MalformedNotice(str(error)) from error

	def unverified_reference(self, callback: Callback) -> str | None:
		"""PhonePe's rule for wrong authentication: discard the message and read the order by a status query."""
		try:
			return self.parse(callback).reference
		except (GatewayError, LookupError, TypeError, ValueError):
			return None

	# Refunds --------------------------------------------------------------------------------------

	def refund(self, request: RefundRequest) -> RefundEvent:
		return self.product.refund(request)

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		return self.product.refund_status(request)


def _any(secrets: Mapping[str, str], names: tuple[str, ...]) -> bool:
	return any(secrets.get(name) for name in names)
