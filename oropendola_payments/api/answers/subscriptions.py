"""Answers about plans, subscriptions, API keys, changes of plan and renewals."""

from typing import Literal

from typing_extensions import NotRequired, TypedDict

from oropendola_payments.api.answers.types import (
	Amount,
	BillingInterval,
	Date,
	Flag,
	InvoicePurpose,
	InvoiceStatus,
	PlanChangeStatus,
	SubscriptionStatus,
	Time,
	Timing,
)


class Plan(TypedDict):
	name: str
	plan_id: str
	plan_name: str
	description: str | None
	features: list[str]
	price: Amount
	currency: str
	billing_interval: BillingInterval
	interval_count: int
	requests_limit_per_day: int
	is_free: Flag
	trial_days: int
	prices: dict[str, Amount]


class Plans(TypedDict):
	plans: list[Plan]


class Subscribed(TypedDict):
	subscription_id: str
	status: SubscriptionStatus
	invoice_id: NotRequired[str]
	api_key: NotRequired[str]
	notice: NotRequired[str]


class CodeSent(TypedDict):
	otp_sent: bool
	otp_expires_in_minutes: int
	phone: str
	test_otp: NotRequired[str]


class Quota(TypedDict):
	limit: int
	remaining: int
	unlimited: bool
	reset_on: Date | None


class Paused(TypedDict):
	subscription_id: str
	status: SubscriptionStatus
	paused_on: Date
	resumes_on: Date
	can_resume_from: Date
	days_left: int


class SubscriptionFacts(TypedDict):
	subscription_id: str
	plan: str
	plan_name: str
	status: SubscriptionStatus
	start_date: Date | None
	end_date: Date | None
	quota: Quota
	next_plan: str | None
	next_plan_name: str | None
	switch_on: Date | None
	coupon: str | None
	coupon_periods_left: int
	is_default: bool
	cancel_at_period_end: bool
	ends_on: Date | None
	pause: Paused | None


class SubscriptionSummary(SubscriptionFacts):
	api_key_prefix: str | None
	api_key_waiting: bool
	open_invoice: str | None


class MySubscription(TypedDict):
	subscription: SubscriptionSummary | None


class MySubscriptions(TypedDict):
	subscriptions: list[SubscriptionSummary]


class OpenInvoice(TypedDict):
	invoice_id: str
	purpose: InvoicePurpose
	status: InvoiceStatus
	total_amount: Amount
	outstanding_amount: Amount
	currency: str
	due_date: Date | None


class KeyHint(TypedDict):
	name: str | None
	prefix: str | None
	status: Literal["Active", "Retiring", "Asleep"]
	waiting: bool
	last_used_on: Date | None
	valid_until: Time | None


class SubscriptionState(SubscriptionFacts):
	keys: list[KeyHint]
	open_invoices: list[OpenInvoice]


class CustomerState(TypedDict):
	default_subscription: str | None
	subscriptions: list[SubscriptionState]
	other_open_invoices: list[OpenInvoice]


class DefaultSubscription(TypedDict):
	subscription_id: str
	is_default: bool


class GivenBack(TypedDict):
	amount: Amount
	currency: str


# `as` is a word of Python.
GivenBackAs = TypedDict("GivenBackAs", {"as": Literal["refund", "credit"], "amount": Amount, "currency": str})
CancellationCost = TypedDict(
	"CancellationCost",
	{
		"days_left": int,
		"unused_amount": Amount,
		"currency": str,
		"given_back": Amount,
		"as": Literal["nothing", "credit", "refund"],
	},
)


class Cancelled(TypedDict):
	subscription_id: str
	status: SubscriptionStatus
	cancel_at_period_end: bool
	ends_on: Date | None
	given_back: NotRequired[list[GivenBackAs]]


class EndOfPeriod(TypedDict):
	ends_on: Date


class CancellationPreview(TypedDict):
	subscription_id: str
	status: SubscriptionStatus
	cancel_at_period_end: bool
	at_period_end: EndOfPeriod | None
	now: list[CancellationCost]
	reasons: list[str]


class Withdrawal(TypedDict):
	"""What a withdrawal would refund; with `confirm=1` the answer of `subscription.cancel_subscription`."""

	subscription_id: str
	possible_until: NotRequired[Date]
	confirmed: NotRequired[bool]
	refunds: NotRequired[list[GivenBack]]
	status: NotRequired[SubscriptionStatus]
	cancel_at_period_end: NotRequired[bool]
	ends_on: NotRequired[Date | None]
	given_back: NotRequired[list[GivenBackAs]]


class Resumed(TypedDict):
	subscription_id: str
	status: SubscriptionStatus
	end_date: Date | None


class ApiKey(TypedDict):
	key_id: str
	subscription_id: str
	name: str
	prefix: str | None
	status: Literal["Active", "Retiring", "Revoked", "Suspended"]
	valid_until: Time | None
	last_used_on: Date | None


class ListedApiKey(ApiKey):
	created_on: Time
	is_shown: bool


class ApiKeys(TypedDict):
	subscription_id: str
	keys: list[ListedApiKey]
	limit: int
	max_overlap_hours: int


class NewApiKey(ApiKey):
	"""`api_key` is shown only this time."""

	api_key: str


class RotatedApiKey(NewApiKey):
	old_key_valid_until: Time | None


class RevokedApiKey(ApiKey):
	changed: NotRequired[bool]


class RevealedApiKey(TypedDict):
	api_key: str
	subscription_id: str


class QuotedLine(TypedDict):
	kind: Literal["credit", "price"]
	plan: str
	starts_on: Date
	ends_on: Date
	days: int
	days_left: int
	amount: Amount


class QuotedQuota(TypedDict):
	limit: int
	remaining_today: int | None


class QuotedLimit(TypedDict):
	"""A limit of the new plan in the week, month or period that goes on."""

	window: str
	limit: int
	until_then: int
	ends_on: Date


class ReplacedPlanChange(TypedDict):
	"""The open change that this one would replace."""

	plan: str
	status: PlanChangeStatus
	effective_on: Date


class PlanChangeQuote(TypedDict):
	subscription_id: str
	from_plan: str
	from_plan_name: str
	plan: str
	plan_name: str
	timing: Timing
	effective_on: Date
	ends_on: Date | None
	starts_new_period: bool
	currency: str
	prices_include_tax: bool
	full_price: Amount
	billing_interval: BillingInterval
	interval_count: int
	lines: list[QuotedLine]
	net_amount: Amount
	tax_amount: Amount
	tax_rate: Amount
	tax_label: str
	total_amount: Amount
	waived_amount: Amount
	credit_used: Amount
	due_now: Amount
	quota: QuotedQuota
	limits: list[QuotedLimit]
	replaces: ReplacedPlanChange | None
	valid_until: Time
	quote: str


class PlanChange(TypedDict):
	plan_change: str
	status: PlanChangeStatus
	subscription_id: str
	plan: str
	timing: Timing
	effective_on: Date
	ends_on: Date | None
	due_now: Amount
	currency: str
	invoice_id: NotRequired[str | None]
	invoice_status: NotRequired[InvoiceStatus | None]
	expires_at: NotRequired[Time | None]


class WithdrawnPlanChange(TypedDict):
	plan_change: str
	status: PlanChangeStatus
	subscription_id: str
	plan: str


class Renewal(TypedDict):
	invoice_id: str
	subscription_id: str
	action: Literal["extend", "new"]


class RenewalOrChange(TypedDict):
	"""The invoice for the next period, or with another plan what the change to it costs."""

	invoice_id: str | None
	subscription_id: str
	action: Literal["extend", "new", "change"]
	quote: NotRequired[PlanChangeQuote]
	plan_change: NotRequired[str]
	status: NotRequired[PlanChangeStatus]
	plan: NotRequired[str]
	timing: NotRequired[Timing]
	effective_on: NotRequired[Date]
	ends_on: NotRequired[Date | None]
	due_now: NotRequired[Amount]
	currency: NotRequired[str]
	invoice_status: NotRequired[InvoiceStatus | None]
	expires_at: NotRequired[Time | None]


class Fulfilled(TypedDict):
	invoice_id: str
	subscription_id: str | None
	status: SubscriptionStatus | None
	end_date: Date | None
