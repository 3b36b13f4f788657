"""Answers about payments, parts, refunds and the two-step flow."""

from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

from oropendola_payments.api.answers.types import (
	Amount,
	AttemptStatus,
	Date,
	Flag,
	InvoicePurpose,
	InvoiceStatus,
	Mocked,
	Mode,
	NextAction,
	RefundStatus,
	SubscriptionStatus,
	Time,
	Url,
)


class AvailableGateway(Mocked):
	id: str
	name: str
	mode: Mode
	is_default: Flag
	available: bool
	degraded: bool
	methods: list[str]
	direct_methods: list[str]
	currencies: list[str] | None
	flows: list[str]
	recommended: bool


class AvailableGateways(TypedDict):
	gateways: list[AvailableGateway]
	default: str | None


class Form(TypedDict):
	"""A form that the customer's browser posts to the gateway."""

	action: Url
	fields: dict[str, str]


class Sdk(TypedDict):
	"""A script of the gateway, and what to call it with."""

	driver: str
	script: Url
	config: dict[str, Any]


class Upi(TypedDict):
	intent: NotRequired[str | None]
	web: NotRequired[str | None]
	qr: NotRequired[str | None]


class PaymentDetails(TypedDict):
	"""What a payment may come with, by its gateway and its `next_action`."""

	status: NotRequired[AttemptStatus]
	gateway: NotRequired[str]
	expires_at: NotRequired[Time | None]
	gateway_order_id: NotRequired[str | None]
	gateway_payment_id: NotRequired[str | None]
	payment_job_reference: NotRequired[str]
	payment_reference: NotRequired[str]
	action_url: NotRequired[Url]
	checkout_url: NotRequired[Url]
	mock_approval_url: NotRequired[Url]
	form: NotRequired[Form]
	sdk: NotRequired[Sdk]
	upi: NotRequired[Upi]


class Payment(Mocked, PaymentDetails):
	"""A payment that was started. Send the customer to `payment_url`; it always works by plain navigation."""

	attempt: str | None
	payment_url: Url
	next_action: NextAction


class BoltPayment(Mocked):
	mode: Literal["bolt_embedded", "bolt_inline"]
	embed_mode: bool
	attempt: str
	script: Url
	bolt_config: dict[str, str]


class Attempt(TypedDict):
	name: str
	gateway: str
	status: AttemptStatus
	amount: Amount
	currency: str
	payment_method: str | None
	error_code: str | None
	error_message: str | None
	in_transit: bool
	mode: Mode


class PaymentStatus(Mocked):
	invoice: str
	status: InvoiceStatus
	total_amount: Amount
	amount_paid: Amount
	amount_refunded: Amount
	outstanding_amount: Amount
	currency: str
	failure_reason: str | None
	can_retry: bool
	retries_remaining: int
	attempt: Attempt | None
	subscription_status: SubscriptionStatus | None


class CancelledPayment(Mocked):
	attempt: str
	status: AttemptStatus
	invoice_status: InvoiceStatus


class OtpAnswer(Mocked, PaymentDetails):
	"""What became of a one-time code. After our own code it is the answer of `payment.initiate_payment`, with `accepted`."""

	attempt: str | None
	accepted: bool
	payment_url: NotRequired[Url]
	next_action: NotRequired[NextAction]
	invoice_status: NotRequired[InvoiceStatus]
	attempts_left: NotRequired[int | None]
	message: NotRequired[str]
	otp_sent: NotRequired[bool]
	otp_expires_in_minutes: NotRequired[int]
	phone: NotRequired[str]
	test_otp: NotRequired[str]


class PendingInvoice(TypedDict):
	name: str
	status: InvoiceStatus
	plan: str | None
	purpose: InvoicePurpose
	coupon: str | None
	discount_amount: Amount
	total_amount: Amount
	outstanding_amount: Amount
	currency: str
	due_date: Date | None
	failure_reason: str | None
	retry_count: int
	can_retry: bool
	retries_remaining: int


class PendingInvoices(TypedDict):
	invoices: list[PendingInvoice]


class Part(TypedDict):
	number: int
	amount: Amount
	tax: Amount
	paid_amount: Amount
	due_on: Date | None
	paid_on: Date | None
	covers_days: int


class AllowedAmounts(TypedDict):
	amounts: list[Amount]
	minimum: Amount | None
	maximum: Amount | None


class OfferedPart(TypedDict):
	amount: Amount
	due_on: Date
	covers_days: int


class OfferedInstalmentPlan(TypedDict):
	instalment_plan: str
	service: str
	parts: list[OfferedPart]


class Parts(TypedDict):
	invoice_id: str
	status: InvoiceStatus
	currency: str
	total_amount: Amount
	amount_paid: Amount
	outstanding_amount: Amount
	service: Literal["Full", "Covered Days"]
	covered_days: int
	covered_until: Date | None
	instalment_plan: str | None
	parts: list[Part]
	allowed: AllowedAmounts | None
	instalment_plans: list[OfferedInstalmentPlan]


class ChosenInstalments(TypedDict):
	invoice_id: str
	instalment_plan: str | None


class Refund(TypedDict):
	refund: str
	status: RefundStatus
	is_mocked: NotRequired[bool]
	mock_notice: NotRequired[str]


class TwoStepOrder(Mocked):
	order_id: str
	order_status: Literal["ACTIVE", "PAID", "EXPIRED", "TERMINATED"]
	payment_status: AttemptStatus
	order_amount: Amount
	payment_amount: Amount
	currency: str


class NewTwoStepOrder(TwoStepOrder):
	invoice_id: str
	amount: Amount
	payment_session_id: str | None
	expires_at: Time | None
	payment_methods: list[str]


class TwoStepCodeSent(TwoStepOrder):
	next_action: Literal["confirm_otp"]
	otp_sent: bool
	otp_expires_in_minutes: int
	phone: str
	test_otp: NotRequired[str]


class TwoStepStatus(TwoStepOrder):
	invoice_id: str
	invoice_status: InvoiceStatus
	message: str | None


class TwoStepStarted(TwoStepStatus):
	next_action: NotRequired[NextAction]
	payment_url: NotRequired[Url]
	upi: NotRequired[Upi]
	mock_approval_url: NotRequired[Url]
