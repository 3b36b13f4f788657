"""What the figures of a day are, by gateway, currency and mode."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

TABLE = "Payment Day"
CLOSED, SUMS, CHANGED = "Closed", "Sums", "Changed"
STATUSES = ("Created", "Processing", "Authorized", "Paid", "Failed", "Expired", "Cancelled")
NOT_PAID = ("Failed", "Expired", "Cancelled")
AMOUNTS = ("applied", "taken", "refunded", "refunded_of_applied", "credited", "recovered")
# What is counted separately: who needs only money does not read every attempt of today.
ATTEMPTS, MONEY, RECOVERED = "attempts", "money", "recovered"
EVERYTHING = (ATTEMPTS, MONEY, RECOVERED)


class Group(NamedTuple):
	day: date
	gateway: str
	currency: str
	mode: str


@dataclass
class Figures:
	"""Payments count on the day they began, captured money on the day the gateway took it, refunds on the day they were made,
	and paid money that became credit on the day it was kept."""

	group: Group
	attempts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATUSES, 0))
	reasons: dict[str, int] = field(default_factory=dict)
	captures: int = 0
	applied: Decimal = Decimal(0)
	taken: Decimal = Decimal(0)
	refunded: Decimal = Decimal(0)
	refunded_of_applied: Decimal = Decimal(0)
	credited: Decimal = Decimal(0)
	recovered: Decimal = Decimal(0)
