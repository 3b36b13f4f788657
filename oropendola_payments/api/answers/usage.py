"""Answers about the use of the service."""

from typing import Literal

from typing_extensions import NotRequired, TypedDict

from oropendola_payments.api.answers.credits import Suggestion, UsedCredits
from oropendola_payments.api.answers.types import Date, Time

EventState = Literal["used", "reserved", "expired", "settled", "released"]


class UsageWindow(TypedDict):
	window: str
	limit: int
	used: int
	remaining: int
	resets_at: Time


class Allowed(TypedDict):
	"""`remaining` is -1 on an unlimited plan."""

	allowed: bool
	remaining: int
	reset_on: Date | None
	windows: NotRequired[list[UsageWindow]]
	credits: NotRequired[UsedCredits]
	suggestion: NotRequired[Suggestion]
	key_valid_until: NotRequired[Time]


class Consumed(Allowed):
	"""With an `event_id` it says what became of the event."""

	event_id: NotRequired[str]
	state: NotRequired[EventState]
	expires_in: NotRequired[int]
	units: NotRequired[float]


class Authorized(Allowed):
	subscription_id: str
	plan: str
	key_prefix: str | None


class Reserved(Allowed):
	"""Sent again, `state` says what became of the reservation."""

	event_id: str
	state: EventState
	expires_in: NotRequired[int]
	units: float


class ClosedReservation(TypedDict):
	event_id: str
	state: EventState
	units: float
	model: str | None
	day: Date
	paid_from: str
	requests: int
	input_tokens: int
	output_tokens: int
	expires_in: NotRequired[int]
	overdraft: NotRequired[bool]


class SettledLease(TypedDict):
	"""`credits_given_back` if credits paid for the lease: how many of them are back in the wallet."""

	lease: str
	status: Literal["Open", "Closed"]
	granted: int
	spent: int
	given_back: int
	expires_in: int
	window_ends_in: int
	credits_given_back: NotRequired[float]


class Lease(SettledLease):
	remaining: NotRequired[int]
	reset_on: NotRequired[Date | None]
	windows: NotRequired[list[UsageWindow]]
	credits: NotRequired[UsedCredits]
	suggestion: NotRequired[Suggestion]


class UsedAmounts(TypedDict):
	requests: int
	input_tokens: int
	output_tokens: int
	units: float


class UsedPerDay(UsedAmounts):
	day: Date
	model: str | None


class Used(TypedDict):
	"""`is_complete` is false if there were more rows than are shown."""

	from_date: Date
	to_date: Date
	days: list[UsedPerDay]
	total: UsedAmounts
	is_complete: bool


class KeyUsage(Used):
	limits: list[UsageWindow]


class SubscriptionUsage(Used):
	subscription_id: str
