"""PhonePe: one adapter for two products, of which a merchant has one.

Standard Checkout v2 (`phonepe_checkout`) and the older salt scheme (`phonepe_legacy`) have different credentials; which
ones are filled in decides. They are never mixed.
"""

from collections.abc import Mapping
from decimal import Decimal

from oropendola_payments.gateways.base import (
	Callback,
	Capabilities,
	Checkout,
	Credential,
	Gateway,
	Notice,
	PaymentEvent,
	PaymentRef,
	PaymentRequest,
	RefundEvent,
	RefundRequest,
)
from oropendola_payments.gateways.errors import (
	BadAnswer,
	CredentialsRefused,
	GatewayError,
	MalformedNotice,
	SignatureError,
)
from oropendola_payments.gateways.http import parse_object, short_text
from oropendola_payments.gateways.phonepe.client import StandardCheckout
from oropendola_payments.gateways.phonepe.mapping import LABEL
from oropendola_payments.gateways.phonepe.salt_scheme.adapter import SaltScheme

NEW_SLOTS = ("key_id", "key_secret", "key_version")
LEGACY_SLOTS = ("legacy_id", "legacy_secret", "legacy_version")
BOTH_FILLED = (
	"Client ID and Salt Key belong to two different products of PhonePe. "
	"Please keep the credentials of one product and empty the fields of the other."
)
PUBLIC_TEST_MERCHANT = "PGTESTPAYUAT"
SANDBOX = "https://api-preprod.phonepe.com/apis/pg-sandbox"
SCRIPT_HOST = "https://mercury.phonepe.com"
# While a pending payment is younger than this (seconds): the wait before the next question. PhonePe demands this schedule.
POLLING = ((52, 3), (112, 6), (172, 10), (232, 30))
FIRST_POLL_SECONDS = 22
LATER_POLL_SECONDS = 60


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
	simulator_secrets = {
		"key_id": "SIMPHONEPECLIENT",
		"key_secret": "simulator-phonepe-client-secret",
		"key_version": "1",
		"webhook_id": "simhook_user",
		"webhook_secret": "Simhook2pass",
	}
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

	@classmethod
	def poll_seconds(cls, age_seconds: int) -> int:
		"""How long to wait before the next status question about a pending payment of this age."""
		if age_seconds < FIRST_POLL_SECONDS:
			return FIRST_POLL_SECONDS - max(int(age_seconds), 0)
		return next((wait for until, wait in POLLING if age_seconds < until), LATER_POLL_SECONDS)

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
		return StandardCheckout(self).token_state()

	def create(self, request: PaymentRequest) -> Checkout:
		return self.product.create(request)

	def status(self, payment: PaymentRef) -> list[PaymentEvent]:
		return [self.product.status(payment)]

	def refund(self, request: RefundRequest) -> RefundEvent:
		return self.product.refund(request)

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		return self.product.refund_status(request)

	def verify(self, callback: Callback) -> None:
		"""The browser's return proves nothing in either product, so it is let through as a doorbell."""
		if callback.kind == "return":
			return
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
		"""PhonePe's rule for wrong authentication: discard the message and read the order by the status API."""
		try:
			return self.parse(callback).reference
		except (GatewayError, LookupError, TypeError, ValueError):
			return None


def _any(secrets: Mapping[str, str], names: tuple[str, ...]) -> bool:
	return any(secrets.get(name) for name in names)
