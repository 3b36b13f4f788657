"""Answers about credits and offers."""

from typing import Literal

from typing_extensions import NotRequired, TypedDict

from oropendola_payments.api.answers.types import Amount, Date, InvoiceStatus, Time, Url


class CreditPack(TypedDict):
	"""`valid_days` is null if the credits do not expire. `plans` is empty if it is sold to, and can be used by, customers of every plan."""

	pack_id: str
	pack_name: str
	description: str | None
	credits: int
	valid_days: int | None
	price: Amount
	currency: str
	prices: dict[str, Amount]
	prices_include_tax: bool
	plans: list[str]
	can_buy: bool


class CreditPacks(TypedDict):
	packs: list[CreditPack]


class CreditQuote(TypedDict):
	pack_id: str
	pack_name: str
	credits: int
	valid_days: int | None
	currency: str
	net_amount: Amount
	tax_amount: Amount
	total_amount: Amount
	missing: list[str]


class CreditOrder(TypedDict):
	invoice_id: str
	pack_id: str
	credits: int
	total_amount: Amount
	currency: str
	status: InvoiceStatus


class CreditGrant(TypedDict):
	grant: str
	kind: Literal["Bought", "Gift"]
	pack_id: str | None
	invoice_id: str | None
	granted: float
	remaining: float
	valid_until: Date | None
	plans: list[str]


class CreditBalance(TypedDict):
	"""`overdrawn` is what was used without credits, which the next ones pay. The grants are in the order in which they are used; `plans` are
	those under which a grant can be used, none means every plan."""

	balance: float
	overdrawn: float
	grants: list[CreditGrant]


class CreditEntry(TypedDict):
	entry: str
	time: Time
	kind: Literal["Granted", "Used", "Returned", "Expired", "Refunded", "Restored", "Corrected"]
	credits: float
	grant: str
	subscription_id: str | None
	reference: str | None
	reason: str | None


class CreditEntries(TypedDict):
	entries: list[CreditEntry]
	has_older: bool


class ChangedGrant(TypedDict):
	grant: str
	remaining: float


class UsedCredits(TypedDict):
	used: float
	remaining: float


class Offer(TypedDict):
	"""What helps when a quota is used up or a subscription has ended, and the page on which people buy it."""

	code: Literal["buy_credits", "change_plan", "renew_subscription", "choose_plan", "resume_subscription"]
	url: Url
	pack_id: NotRequired[str]
	plan_id: NotRequired[str]
	name: NotRequired[str]
	credits: NotRequired[int]
	valid_days: NotRequired[int | None]
	price: NotRequired[Amount]
	currency: NotRequired[str]
	price_includes_tax: NotRequired[bool]
	alternatives: NotRequired[list["Offer"]]


class Suggestion(Offer):
	window: str
	used_percent: int
