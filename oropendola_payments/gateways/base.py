"""The contract between the engine and every gateway.

An adapter turns our words into a provider's and back. It knows no documents and no framework: credentials, base address,
HTTP session, token cache and clock come from outside. It imports only this module, `money`, `errors`, `http` and `cards`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import ClassVar, Protocol

from oropendola_payments.gateways.errors import GatewayError, NotSupported
from oropendola_payments.gateways.http import HttpClient

FRESH = timedelta(minutes=15)


class Outcome(str, Enum):
	"""What a gateway says about one attempt to pay. A word that an adapter does not know is PENDING, never PAID."""

	PENDING = "pending"  # nothing final; the customer may still try
	AUTHORIZED = "authorized"  # reserved, not taken: must be captured
	PAID = "paid"  # the money was taken
	FAILED = "failed"  # this attempt is closed; a late success is still possible
	CANCELLED = "cancelled"
	EXPIRED = "expired"
	NOT_FOUND = "not_found"  # the gateway has never heard of it


class RefundOutcome(str, Enum):
	PROCESSING = "processing"
	REFUNDED = "refunded"
	FAILED = "failed"
	NOT_FOUND = "not_found"  # the gateway has no refund with our key: it was never made


@dataclass(frozen=True)
class Credential:
	"""One field of the settings form, under the name that the provider's dashboard uses.

	`name` is one of the slots in CREDENTIAL_SLOTS, which are the columns of Payment Gateway Settings.
	"""

	name: str
	label: str
	required: bool = True
	help: str = ""


# slot -> is it a secret (kept as a Password field)
CREDENTIAL_SLOTS: Mapping[str, bool] = {
	"account_id": False,
	"key_id": False,
	"key_secret": True,
	"key_version": False,
	"public_key": False,
	"webhook_id": False,
	"webhook_secret": True,
	"webhook_secret_previous": True,
	"legacy_id": False,
	"legacy_secret": True,
	"legacy_version": False,
}


@dataclass(frozen=True)
class Capabilities:
	currencies: frozenset[str] | None = None  # None: whatever the account allows
	methods: tuple[str, ...] = ()  # card, upi, netbanking, wallet, paypal, ...
	flows: tuple[str, ...] = ("redirect",)  # redirect, embedded, otp, upi
	refunds: bool = True
	partial_refunds: bool = True
	one_refund_at_a_time: bool = False
	instant_refunds: bool = False
	capture: bool = False
	cancel: bool = False
	otp: bool = False
	needs_phone: bool = False  # refuses a customer without a phone number
	minimum: Mapping[str, Decimal] = field(default_factory=dict)  # the least that may be paid, by currency
	# Hosts that the browser must be allowed to load from when an SDK is embedded, for the Content-Security-Policy.
	browser_hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Customer:
	name: str
	email: str
	phone: str = ""


@dataclass(frozen=True)
class PaymentRequest:
	"""What the engine asks a gateway to open. `reference` is our attempt: at most 25 letters and digits."""

	reference: str
	amount: Decimal
	currency: str
	description: str
	customer: Customer
	return_url: str  # ours; already carries gateway and attempt in its query
	cancel_url: str
	webhook_url: str
	idempotency_key: str
	flow: str = "redirect"
	method: str | None = None
	method_details: Mapping[str, str] = field(default_factory=dict)  # e.g. {"vpa": ...}; never card numbers
	invoice: str = ""
	refund_speed: str = "normal"


@dataclass(frozen=True)
class Form:
	"""A form that the customer's browser posts to the gateway."""

	action: str
	fields: Mapping[str, str]


@dataclass(frozen=True)
class Sdk:
	"""A script of the gateway that our page loads, and what to call it with. `driver` names the page's own glue code."""

	driver: str  # bolt, razorpay, stripe, cashfree, phonepe
	script: str
	config: Mapping[str, object]


@dataclass(frozen=True)
class Checkout:
	"""How the customer goes on. Exactly one of url, form, sdk is the plain way; more may be offered."""

	next_action: str  # redirect, form, sdk, otp, upi
	order_id: str | None = None
	payment_id: str | None = None
	url: str | None = None
	form: Form | None = None
	sdk: Sdk | None = None
	upi: Mapping[str, str] | None = None  # {"intent": "upi://...", "qr": "data:image/png;base64,..."}
	expires_at: datetime | None = None
	# What later calls need (a session id, a capture link). Kept with the attempt, never shown.
	data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class PaymentRef:
	"""How to find one of our attempts at the gateway."""

	reference: str
	amount: Decimal
	currency: str
	order_id: str | None = None
	payment_id: str | None = None
	data: Mapping[str, object] = field(default_factory=dict)
	created_at: datetime | None = None


@dataclass(frozen=True)
class PaymentEvent:
	"""One fact about one payment. Amount and currency are what the gateway says it took, not what we asked for."""

	outcome: Outcome
	reference: str | None = None
	order_id: str | None = None
	payment_id: str | None = None
	amount: Decimal | None = None
	currency: str | None = None
	method: str | None = None
	occurred_at: datetime | None = None
	error_code: str | None = None
	reason: str | None = None  # the gateway's sentence, safe to show to a manager
	details: Mapping[str, object] = field(default_factory=dict)  # masked


@dataclass(frozen=True)
class RefundRequest:
	payment: PaymentRef
	payment_id: str
	amount: Decimal
	currency: str
	key: str  # our refund: at most 20 letters and digits, the same for every try
	reason: str = ""
	speed: str = "normal"  # normal, instant
	captured_amount: Decimal | None = None
	refund_id: str | None = None  # the gateway's, once known
	webhook_url: str = ""


@dataclass(frozen=True)
class RefundEvent:
	outcome: RefundOutcome
	key: str | None = None
	refund_id: str | None = None
	payment_id: str | None = None
	reference: str | None = None
	order_id: str | None = None
	amount: Decimal | None = None
	currency: str | None = None
	reason: str | None = None
	details: Mapping[str, object] = field(default_factory=dict)
	occurred_at: datetime | None = None  # messages overtake each other: the newest fact holds


@dataclass(frozen=True)
class DisputeEvent:
	"""The money of a capture is contested (`open`), taken back (`lost`) or safe again (`won`).

	`dispute_id` and `occurred_at` only where the provider's proof covers them: they decide which message holds.
	"""

	state: str
	payment_id: str | None = None
	reference: str | None = None
	order_id: str | None = None
	amount: Decimal | None = None
	currency: str | None = None
	reason: str | None = None
	details: Mapping[str, object] = field(default_factory=dict)
	occurred_at: datetime | None = None  # messages overtake each other: the newest fact holds
	dispute_id: str | None = None  # one payment can be disputed again


@dataclass(frozen=True)
class OtpResult:
	accepted: bool
	reason: str | None = None
	attempts_left: int | None = None
	url: str | None = None  # where to send the customer instead, when the bank does not take the code here


@dataclass(frozen=True)
class Callback:
	"""A request that came in, untouched: the browser's return (`return`) or the provider's server (`webhook`)."""

	kind: str
	method: str
	headers: Mapping[str, str]  # look up through `header()`
	query: Mapping[str, str]
	body: bytes = b""
	form: Mapping[str, str] = field(default_factory=dict)  # the posted form fields, strict UTF-8

	def header(self, name: str) -> str:
		wanted = name.lower()
		return next((value for key, value in self.headers.items() if key.lower() == wanted), "")


@dataclass(frozen=True)
class Notice:
	"""What a callback or webhook told.

	`proven`: its signature covers its content, so its events are facts. Otherwise it only rings the bell: the engine
	asks `status` and believes that. `confirm`: proven, but the vendor's rules still want a status query before money moves.
	`event_key` names the message, the same on every repetition; None for a doorbell.
	"""

	events: tuple[PaymentEvent | RefundEvent | DisputeEvent, ...] = ()
	verified: bool = False
	confirm: bool = False
	reference: str | None = None
	order_id: str | None = None
	payment_id: str | None = None
	event_key: str | None = None
	event_type: str = ""
	reply: Mapping[str, object] | None = None  # a JSON object that the provider demands at top level


class TokenCache(Protocol):
	"""Short-lived tokens, shared by all workers, encrypted at rest by the host."""

	def get(self, key: str) -> str | None: ...
	def set(self, key: str, value: str, seconds: int) -> None: ...
	def delete(self, key: str) -> None: ...


class Gateway:
	"""Base of all adapters. `receive` is the only way in for callbacks: it verifies, then parses."""

	code: ClassVar[str]
	label: ClassVar[str]
	credentials: ClassVar[tuple[Credential, ...]] = ()
	simulator_secrets: ClassVar[
		Mapping[str, str]
	] = {}  # made up; what Simulator mode uses where nothing is filled in
	capabilities: ClassVar[Capabilities] = Capabilities()
	# mode -> name -> address. In Simulator mode (and for a test address) every name answers below one base address.
	hosts: ClassVar[Mapping[str, Mapping[str, str]]] = {}
	exponents: ClassVar[Mapping[str, int]] = {}  # where the provider deviates from ISO 4217 / CLDR

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
		"""Sentences about keys that cannot be right, such as a test key in Live mode. Looks only, calls nobody."""
		return []

	@classmethod
	def is_retryable_decline(cls, error_code: str) -> bool:
		"""Whether this code, noted on a payment that is still open, is a no of the bank after which its page takes another try."""
		return False

	def test_connection(self) -> str:
		"""A sentence that says the keys work; raises CredentialsRefused and friends when they do not. Moves no money."""
		raise NotSupported(f"{self.label} has no call that tests the keys without a payment.")

	def token_state(self) -> str:
		"""`cached` or `none` where the provider wants an access token, else `not used`. Calls nobody."""
		return "not used"

	def is_suspended(self) -> bool:
		"""True while nobody is called, because the keys were refused and repeating them would lock the account."""
		return False

	# Paying ---------------------------------------------------------------------------------------

	@classmethod
	def check_method(cls, method: str | None, details: Mapping[str, str]) -> None:
		"""Raise GatewayRefused when `create` would refuse this way to pay for what was typed. Calls nobody."""

	def create(self, request: PaymentRequest) -> Checkout:
		raise NotImplementedError

	def status(self, payment: PaymentRef) -> list[PaymentEvent | RefundEvent]:
		"""All the gateway knows of this attempt, at least one payment event; money that was taken comes with its own payment id.

		What was sent back of it comes behind, as refund events with the gateway's refund id, where its answers tell.
		"""
		raise NotImplementedError

	@classmethod
	def poll_seconds(cls, age_seconds: int) -> int | None:
		"""When a pending payment of this age is asked about again, where the vendor has a schedule of its own."""
		return None

	def capture(self, payment: PaymentRef, event: PaymentEvent, key: str) -> PaymentEvent:
		raise NotSupported(f"{self.label} captures by itself.")

	def cancel(self, payment: PaymentRef) -> PaymentEvent:
		"""Close an open attempt so that it cannot be paid any more, where the gateway can do that."""
		raise NotSupported(f"{self.label} cannot close an open payment.")

	def submit_otp(self, payment: PaymentRef, otp: str) -> OtpResult:
		raise NotSupported(f"{self.label} does not take one-time codes.")

	def resend_otp(self, payment: PaymentRef) -> OtpResult:
		raise NotSupported(f"{self.label} does not take one-time codes.")

	# Hearing --------------------------------------------------------------------------------------

	def receive(self, callback: Callback) -> Notice:
		"""Verify, then parse: nobody reads an unverified callback."""
		self.verify(callback)
		return self.parse(callback)

	def verify(self, callback: Callback) -> None:
		"""Raise SignatureError unless the sender is proven, or the kind of callback can prove nothing (a doorbell)."""
		raise NotImplementedError

	def parse(self, callback: Callback) -> Notice:
		raise NotImplementedError

	def unverified_reference(self, callback: Callback) -> str | None:
		"""Our reference in a message that proved nothing, where the vendor wants it asked about all the same. Nothing else of it is read."""
		return None

	# Giving back ----------------------------------------------------------------------------------

	def refund(self, request: RefundRequest) -> RefundEvent:
		raise NotSupported(f"{self.label} cannot refund.")

	def refund_status(self, request: RefundRequest) -> RefundEvent:
		raise NotSupported(f"{self.label} cannot tell the state of a refund.")

	# Helpers --------------------------------------------------------------------------------------

	def host(self, name: str = "api") -> str:
		"""The provider's address for this mode, without a slash at the end."""
		return self.base_url or self.hosts[self.mode][name]

	def is_fresh(self, payment: PaymentRef) -> bool:
		"""Whether a payment is so new that asking what was sent back of it would be a call for nothing."""
		return payment.created_at is not None and self.now() - payment.created_at < FRESH

	@staticmethod
	def refunds_or_none(ask: Callable[[], Iterable[RefundEvent]]) -> list[RefundEvent]:
		"""Refunds behind a payment. When that question fails, the money is told all the same: it is asked again."""
		try:
			return list(ask())
		except GatewayError:
			return []

	def exponent(self, currency: str) -> int | None:
		return self.exponents.get(currency.upper())
