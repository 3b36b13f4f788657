"""Words and formats that many answers share. Lists of words are those of the records (test_answers.py compares them)."""

from dataclasses import dataclass
from typing import Any, Literal, NewType

from typing_extensions import NotRequired, TypedDict

Date = NewType("Date", str)  # 2026-11-20
Time = NewType("Time", str)  # 2026-11-20T20:20:20+05:30
Url = NewType("Url", str)
Amount = float  # in the major unit
Flag = Literal[0, 1]

SubscriptionStatus = Literal["Pending", "Trial", "Active", "Past Due", "Paused", "Expired", "Cancelled"]
InvoiceStatus = Literal[
	"Pending",
	"Processing",
	"Partly Paid",
	"Paid",
	"Partly Refunded",
	"Refunded",
	"Failed",
	"Abandoned",
	"Cancelled",
	"Closed",
]
InvoicePurpose = Literal["New", "Renewal", "Upgrade", "Top-up", "Other", "External"]
AttemptStatus = Literal["Created", "Processing", "Authorized", "Paid", "Failed", "Expired", "Cancelled"]
RefundStatus = Literal["Created", "Processing", "Unknown", "Refunded", "Failed"]
PlanChangeStatus = Literal[
	"Awaiting Payment",
	"Scheduled",
	"Applied",
	"Expired",
	"Withdrawn",
	"Superseded",
	"Rejected",
	"Reverted",
]
Timing = Literal["Now", "Period End"]
BillingInterval = Literal["Day", "Month", "Year"]
Mode = Literal["Simulator", "Test", "Live", "Manual"]
NextAction = Literal["redirect", "form", "sdk", "otp", "upi", "manual"]


class Mocked(TypedDict):
	"""Says whether a payment is simulated. If it is, `mock_notice` says how to accept real payments."""

	is_mocked: bool
	mock_notice: NotRequired[str]


@dataclass(frozen=True)
class File:
	"""An answer that is a file and not JSON."""

	types: tuple[str, ...]


@dataclass(frozen=True)
class Redirect:
	"""An answer that sends the browser to another page."""

	status: int = 303


@dataclass(frozen=True)
class OrOwnFormat:
	"""An answer in our envelope, or without it what the sender's documentation asks for."""

	shape: Any
