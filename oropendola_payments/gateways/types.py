"""The values that pass between the engine and every gateway, frozen and named as the engine names them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum


class Outcome(str, Enum):
	"""The state of one attempt to pay. A state that an adapter does not know is PENDING, never PAID."""

	PENDING = "pending"  # nothing final; the customer may still try
	AUTHORIZED = "authorized"  # reserved, not taken: must be captured
	PAID = "paid"  # the money was taken
	FAILED = "failed"  # this attempt is closed; a late success is still possible
	CANCELLED = "cancelled"
	EXPIRED = "expired"
	NOT_FOUND = "not_found"  # the gateway does not know it


# The error code of a FAILED payment that was authorized but never captured: the gateway gives the amount back.
HOLD_RETURNED = "hold_returned"


class RefundOutcome(str, Enum):
	"""The state of one refund. A state that an adapter does not know is PROCESSING, never REFUNDED."""

	PROCESSING = "processing"
	REFUNDED = "refunded"
	FAILED = "failed"
	NOT_FOUND = "not_found"  # the gateway has no refund with our key: it was never made


class FailureClass(str, Enum):
	"""What a failed payment means for another try."""

	LEFT = "Left"  # the customer walked away or let the time run out
	SOFT = "Soft"  # declined for now: another day or another method may work
	STEP = "Step"  # a wrong code, PIN or detail: the same again may work at once
	HARD = "Hard"  # this card or account will never work
	OURS = "Ours"  # the gateway or the bank had trouble: not the customer's failure


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
	"""What a gateway can do, so that the engine offers nothing else."""

	currencies: frozenset[str] | None = None  # None: whatever the account allows
	methods: tuple[str, ...] = ()  # names of gateways/methods.py
	# Ways to pay by one method without the gateway's page, by their names in our API: {"upi_qr": "upi"}.
	direct_methods: Mapping[str, str] = field(default_factory=dict)
	flows: tuple[str, ...] = ("redirect",)  # redirect, embedded, otp, upi
	refunds: bool = True
	partial_refunds: bool = True
	one_refund_at_a_time: bool = False
	instant_refunds: bool = False
	capture: bool = False
	cancel: bool = False
	otp: bool = False
	payouts: bool = False  # its API says what it paid out
	needs_phone: bool = False  # refuses a customer without a phone number
	needs_email: bool = False  # refuses a customer without an email address
	minimum: Mapping[str, Decimal] = field(default_factory=dict)  # the smallest amount, by currency
	# Hosts that the browser must be allowed to load from when an SDK is embedded, for the Content-Security-Policy.
	browser_hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Customer:
	name: str
	email: str
	phone: str = ""
	account: str = ""  # who pays, where the email address is not known to be the payer's own

	@property
	def identity(self) -> str:
		"""What tells this payer from others at a gateway that remembers payers."""
		return self.account or self.email.lower()


@dataclass(frozen=True)
class PaymentRequest:
	"""The payment that a gateway opens. `reference` is our attempt: at most 25 letters and digits."""

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
	"""How the customer continues. At least one of url, form and sdk is filled in; more may be offered."""

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
	"""The state of one payment. Amount and currency are what the gateway says it took, not what we requested."""

	outcome: Outcome
	reference: str | None = None
	order_id: str | None = None
	payment_id: str | None = None
	amount: Decimal | None = None
	currency: str | None = None
	method: str | None = None  # a name of gateways/methods.py
	occurred_at: datetime | None = None
	error_code: str | None = None
	reason: str | None = None  # the gateway's sentence, safe to show to a manager
	details: Mapping[str, object] = field(default_factory=dict)  # without personal data
	# More was paid than was asked for, and the gateway does not say whether that is a fee of its own: a person has to look.
	may_include_fee: bool = False
	# PENDING, and the customer has done everything: the bank or the provider decides, perhaps in days. Nobody should pay again.
	in_transit: bool = False


@dataclass(frozen=True)
class RefundRequest:
	"""The refund that a gateway makes, or looks up, of one captured payment."""

	payment: PaymentRef
	payment_id: str
	amount: Decimal
	currency: str
	key: str  # our refund: at most 20 letters and digits, the same for every repetition
	reason: str = ""
	speed: str = "normal"  # normal, instant
	captured_amount: Decimal | None = None
	refund_id: str | None = None  # the gateway's, once known
	webhook_url: str = ""
	sent_before: bool = (
		False  # an earlier request may have arrived, but the gateway has just found no refund with this key
	)


@dataclass(frozen=True)
class RefundEvent:
	"""The state of one refund. Without `key` it was made in the gateway's dashboard."""

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
	occurred_at: datetime | None = None  # messages overtake each other: the newest one holds


@dataclass(frozen=True)
class DisputeEvent:
	"""The money of a capture is contested (`open`), taken back (`lost`) or safe again (`won`).

	`dispute_id` and `occurred_at` only where the signature covers them: they decide which message holds.
	"""

	state: str
	payment_id: str | None = None
	reference: str | None = None
	order_id: str | None = None
	amount: Decimal | None = None
	currency: str | None = None
	reason: str | None = None
	details: Mapping[str, object] = field(default_factory=dict)
	occurred_at: datetime | None = None  # messages overtake each other: the newest one holds
	dispute_id: str | None = None  # one payment can be disputed again


AnyEvent = PaymentEvent | RefundEvent | DisputeEvent


@dataclass(frozen=True)
class OtpResult:
	"""Whether the bank accepted a one-time code, or another way to continue where it takes no more of them."""

	accepted: bool
	reason: str | None = None
	attempts_left: int | None = None
	url: str | None = None  # where to send the customer instead, when the bank does not take the code here


@dataclass(frozen=True)
class Callback:
	"""An incoming request, unchanged: from the customer's browser (`return`) or the provider's server (`webhook`)."""

	kind: str
	method: str
	headers: Mapping[str, str]  # look up through `header()`
	query: Mapping[str, str]
	body: bytes = b""
	form: Mapping[str, str] = field(default_factory=dict)  # the posted form fields, strict UTF-8

	def header(self, name: str) -> str:
		"""The value of a header in any spelling; empty when it is missing."""
		wanted = name.lower()
		return next((value for key, value in self.headers.items() if key.lower() == wanted), "")


@dataclass(frozen=True)
class Notice:
	"""What a callback or webhook says.

	`verified`: its signature covers its content, so its events can be settled. Otherwise it is an unsigned notice: it only
	triggers a status query. `confirm`: verified, but a status query is still needed before money moves.
	`event_key` identifies the message, the same on every repetition; None for an unsigned notice.
	"""

	events: tuple[AnyEvent, ...] = ()
	verified: bool = False
	confirm: bool = False
	reference: str | None = None
	order_id: str | None = None
	payment_id: str | None = None
	event_key: str | None = None
	event_type: str = ""
	reply: Mapping[str, object] | None = None  # a JSON object that the provider demands at top level
