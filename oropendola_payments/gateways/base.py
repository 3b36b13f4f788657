"""The contract between the engine and every gateway.

An adapter turns the engine's values into a provider's requests, and the provider's answers into the engine's values. It
knows no documents and no framework: credentials, base address, HTTP session, token cache and clock come from outside.
The values themselves are defined in `types`; adapters of other apps may import all of them from here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import ClassVar, Protocol

from oropendola_payments.gateways.errors import CredentialsRefused, GatewayError, GatewayRefused, NotSupported
from oropendola_payments.gateways.http import HttpClient
from oropendola_payments.gateways.payouts import FileMapping, PayoutSource
from oropendola_payments.gateways.types import (
	CREDENTIAL_SLOTS,
	HOLD_RETURNED,
	AnyEvent,
	Callback,
	Capabilities,
	Checkout,
	Credential,
	Customer,
	DisputeEvent,
	FailureClass,
	Form,
	Notice,
	OtpResult,
	Outcome,
	PaymentEvent,
	PaymentRef,
	PaymentRequest,
	RefundEvent,
	RefundOutcome,
	RefundRequest,
	Sdk,
)  # fmt: skip

__all__ = [
	"CREDENTIAL_SLOTS",
	"HOLD_RETURNED",
	"AnyEvent",
	"Callback",
	"Capabilities",
	"Checkout",
	"Credential",
	"Customer",
	"DisputeEvent",
	"FailureClass",
	"Form",
	"Gateway",
	"Notice",
	"OtpResult",
	"Outcome",
	"PaymentEvent",
	"PaymentRef",
	"PaymentRequest",
	"RefundEvent",
	"RefundOutcome",
	"RefundRequest",
	"Sdk",
	"TokenCache",
]  # fmt: skip

# A payment younger than this has no refund worth a call of its own.
FRESH = timedelta(minutes=15)


class TokenCache(Protocol):
	"""Short-lived tokens, shared by all workers, encrypted at rest by the host."""

	def get(self, key: str) -> str | None: ...
	def set(self, key: str, value: str, seconds: int) -> None: ...
	def delete(self, key: str) -> None: ...


class Gateway:
	"""Base of all adapters. Callbacks and webhooks come in through `receive` alone: it verifies, then parses."""

	code: ClassVar[str]
	label: ClassVar[str]
	credentials: ClassVar[tuple[Credential, ...]] = ()
	# Made up: what Simulator mode uses where nothing is filled in.
	simulator_secrets: ClassVar[Mapping[str, str]] = {}
	capabilities: ClassVar[Capabilities] = Capabilities()
	# mode -> name -> address. In Simulator mode (and for a test address) every name answers below one base address.
	hosts: ClassVar[Mapping[str, Mapping[str, str]]] = {}
	# The provider's own names for `order_id`, `payment_id` and `url`, which answers of the API carry as well.
	answer_names: ClassVar[Mapping[str, str]] = {}
	# The provider's codes of failed payments, and what they mean for another try.
	failure_classes: ClassVar[Mapping[str, FailureClass]] = {}
	exponents: ClassVar[Mapping[str, int]] = {}  # where the provider deviates from ISO 4217 / CLDR
	# Decimals that an amount may have, where the last digits in which the provider counts must be 0.
	amount_decimals: ClassVar[Mapping[str, int]] = {}
	# How the settlement report looks that a merchant gets from the provider's dashboard.
	payout_file: ClassVar[FileMapping] = FileMapping()

	def __init__(
		self,
		*,
		secrets: Mapping[str, str],
		mode: str,
		http: HttpClient,
		tokens: TokenCache,
		base_url: str | None = None,
		now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
	):
		self.secrets = {name: value for name, value in secrets.items() if value}
		self.mode = mode
		self.http = http
		self.tokens = tokens
		self.base_url = base_url.rstrip("/") if base_url else None
		self.now = now

	# Settings -------------------------------------------------------------------------------------

	@classmethod
	def missing_credentials(cls, secrets: Mapping[str, str]) -> list[str]:
		"""Labels of what an administrator still has to fill in."""
		return [c.label for c in cls.credentials if c.required and not secrets.get(c.name)]

	@classmethod
	def credential_problems(cls, secrets: Mapping[str, str], mode: str) -> list[str]:
		"""Sentences about keys that cannot be right, such as a test key in Live mode. Makes no call."""
		return []

	@classmethod
	def failure_class(cls, error_code: str) -> FailureClass:
		"""What this code of a failed payment means for another try. A code that is not known is a soft decline."""
		return cls.failure_classes.get(error_code, FailureClass.SOFT)

	@classmethod
	def is_retryable_decline(cls, error_code: str) -> bool:
		"""Whether this code on a payment that is still open is a decline, after which its page takes another attempt."""
		return False

	def test_connection(self) -> str:
		"""A sentence that says the keys work; raises CredentialsRefused and friends when they do not. Moves no money."""
		raise NotSupported(f"{self.label} offers no way to test the keys without a payment.")

	def token_state(self) -> str:
		"""`cached` or `none` where the provider wants an access token, else `not used`. Makes no call."""
		return "not used"

	def is_suspended(self) -> bool:
		"""True while no call is made, because the keys were refused and repeating them would lock the account."""
		return False

	# Payments -------------------------------------------------------------------------------------

	@classmethod
	def check_method(cls, method: str | None, details: Mapping[str, str]) -> None:
		"""Raise GatewayRefused when `create` would refuse this method with these details. Makes no call."""

	def create(self, request: PaymentRequest) -> Checkout:
		"""Open a payment under our reference, and how the customer continues."""
		raise NotImplementedError

	def status(self, payment: PaymentRef) -> Sequence[PaymentEvent | RefundEvent]:
		"""All that the gateway knows of this attempt, at least one payment event; each capture has its own payment id.

		Refunds of it follow, with the gateway's refund id, where the gateway's answers contain them.
		"""
		raise NotImplementedError

	@classmethod
	def poll_seconds(cls, age_seconds: int) -> int | None:
		"""The pause before the next status query for a pending payment of this age, where the vendor prescribes one."""
		return None

	def capture(self, payment: PaymentRef, event: PaymentEvent, key: str) -> PaymentEvent:
		"""Take an authorized amount; the same result however often it is called."""
		raise NotSupported(f"{self.label} captures payments automatically.")

	def cancel(self, payment: PaymentRef) -> PaymentEvent:
		"""Close an open attempt so that it cannot be paid any more, where the gateway can do that."""
		raise NotSupported(f"{self.label} cannot close an open payment.")

	def submit_otp(self, payment: PaymentRef, otp: str) -> OtpResult:
		"""Whether the bank accepts the one-time code that the customer typed."""
		raise NotSupported(f"{self.label} does not accept one-time codes.")

	def resend_otp(self, payment: PaymentRef) -> OtpResult:
		"""Whether the bank sends the customer another one-time code."""
		raise NotSupported(f"{self.label} does not accept one-time codes.")

	# Returns and webhooks -------------------------------------------------------------------------

	def receive(self, callback: Callback) -> Notice:
		"""Verify, then parse: nothing of an unverified callback is read."""
		self.verify(callback)
		return self.parse(callback)

	def verify(self, callback: Callback) -> None:
		"""Raise SignatureError unless the signature is right, or this kind of callback has none (an unsigned notice)."""
		raise NotImplementedError

	def parse(self, callback: Callback) -> Notice:
		"""What a verified callback says; MalformedNotice when it cannot be read."""
		raise NotImplementedError

	def unverified_reference(self, callback: Callback) -> str | None:
		"""Our reference in a message with a wrong signature, where the vendor wants a status query for it. Nothing else is read."""
		return None

	# Refunds --------------------------------------------------------------------------------------

	def refund(self, request: RefundRequest) -> RefundEvent:
		"""Send money back once under `request.key`, however often it is called."""
		raise NotSupported(f"{self.label} cannot refund.")

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		"""The refund with `request.key` as the gateway reports it; NOT_FOUND when it was never made."""
		raise NotSupported(f"{self.label} cannot report the status of a refund.")

	# Payouts --------------------------------------------------------------------------------------

	def fetch_payouts(self, since: datetime, until: datetime) -> PayoutSource:
		"""Yield the payouts of this time with all their lines. A line that is reported twice has the same `row`."""
		raise NotSupported(f"{self.label} offers its payouts only as a file.")

	# Helpers --------------------------------------------------------------------------------------

	def refund_once(
		self,
		request: RefundRequest,
		send: Callable[[], RefundEvent],
		*,
		find: Callable[[RefundRequest], RefundEvent] | None = None,
		find_first: bool = False,
		may_exist: Callable[[GatewayRefused], bool] = lambda refusal: True,
	) -> RefundEvent:
		"""The refund with our key: an earlier one where there is one, else what `send` makes.

		`find_first` looks before anything is sent, for gateways that would refund a repeated request twice. A refusal that
		`may_exist` takes for "you sent this before" is looked up, and only stands when there is no such refund.
		"""
		find = find or self.refund_status
		if find_first:
			earlier = find(request)
			if earlier.outcome is not RefundOutcome.NOT_FOUND:
				return earlier
		try:
			return send()
		except CredentialsRefused:
			raise
		except GatewayRefused as refusal:
			if not may_exist(refusal):
				raise
			earlier = find(request)
			if earlier.outcome is RefundOutcome.NOT_FOUND:
				raise
			return earlier

	def payment_events(self, payment: PaymentRef) -> list[PaymentEvent]:
		"""What `status` says of the payment itself, without its refunds."""
		return [event for event in self.status(payment) if isinstance(event, PaymentEvent)]

	def secrets_in_use(self, name: str) -> list[str]:
		"""The secret of this name and, while it is being rotated, the previous one: messages may be signed with either."""
		return [self.secrets[slot] for slot in (name, "webhook_secret_previous") if slot in self.secrets]

	def host(self, name: str = "api") -> str:
		"""The provider's address for this mode, without a slash at the end."""
		return self.base_url or self.hosts[self.mode][name]

	def is_fresh(self, payment: PaymentRef) -> bool:
		"""Whether a payment is so new that asking for its refunds would waste a call."""
		return payment.created_at is not None and self.now() - payment.created_at < FRESH

	@staticmethod
	def refunds_or_none(fetch: Callable[[], Iterable[RefundEvent]]) -> list[RefundEvent]:
		"""The refunds of a payment; none when fetching them fails, so that the payment itself is still reported."""
		try:
			return list(fetch())
		except GatewayError:
			return []

	def exponent(self, currency: str) -> int | None:
		"""Decimals of a currency where the provider deviates from ISO 4217; None for the standard."""
		return self.exponents.get(currency.upper())
