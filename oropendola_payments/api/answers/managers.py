"""Answers for managers, staff and gateways."""

from typing import Literal

from typing_extensions import NotRequired, TypedDict

from oropendola_payments.api.answers.types import Amount, AttemptStatus, InvoiceStatus, Mocked, Mode, Time


class ManualPayment(TypedDict):
	invoice_id: str
	status: InvoiceStatus
	amount_paid: Amount
	outstanding_amount: Amount
	attempt: str


class AskedGateway(Mocked):
	attempt: str
	status: AttemptStatus


class Replayed(TypedDict):
	"""What became of each message, by its name."""

	results: dict[str, str]


class ConfirmedSite(TypedDict):
	confirmed_site: str


class FrontendSecret(TypedDict):
	"""Shown only this time."""

	secret: str


class Posting(TypedDict):
	posting: str
	status: Literal["Waiting", "Done", "Needs Attention", "Closed"]


class DecidedProposal(TypedDict):
	proposal: str
	status: str
	outcome: str | None


class ClosedRefund(TypedDict):
	refund: str
	status: str


class ExplainedGateway(TypedDict):
	id: str
	name: str
	reason: str


class ExplainedGateways(TypedDict):
	recommended: str | None
	gateways: list[ExplainedGateway]


class AllowedRetry(TypedDict):
	invoice_id: str
	retries_remaining: int


class KeptPayment(TypedDict):
	payment: str
	amount: Amount
	currency: str


class KeptAsCredit(TypedDict):
	invoice_id: str
	kept: list[KeptPayment]


class InvoiceNamed(TypedDict):
	invoice_id: str


class TaxIdChecked(TypedDict):
	tax_id_status: str


class LoadedTaxRules(TypedDict):
	added: int
	kept: int
	switched_off: int


class GatewayHealth(TypedDict):
	id: str
	name: str
	status: Literal["Live", "Test", "Simulator", "Degraded", "Not Configured", "Disabled"]
	mode: Mode
	credentials: Literal["ok", "untested", "missing", "refused"]
	missing: list[str]
	token: Literal["cached", "none", "not used"] | None
	last_success_on: Time | None
	last_error: str | None
	last_error_on: Time | None


class Alert(TypedDict):
	name: str
	kind: str
	subject: str | None
	severity: Literal["Warning", "Critical"] | None
	summary: str | None
	opened_on: Time | None
	last_seen_on: Time | None


class Problem(TypedDict):
	kind: str
	summary: str


class Health(TypedDict):
	"""Guests get `status` and `database`, staff everything."""

	status: Literal["ok", "attention", "down"]
	database: Literal["ok", "down"]
	queue: NotRequired[Literal["ok", "late", "not seen yet", "down"]]
	scheduler: NotRequired[Literal["ok", "late", "not seen yet", "down"]]
	gateways: NotRequired[list[GatewayHealth]]
	invariants: NotRequired[dict[str, list[str]]]
	invariants_checked_on: NotRequired[Time | None]
	alerts: NotRequired[list[Alert]]
	problems: NotRequired[list[Problem]]
	dead_letters: NotRequired[int]
	open_reviews: NotRequired[int]
	rejected_messages: NotRequired[dict[str, int]]


class ReceivedNotice(TypedDict):
	status: Literal["processed", "queued", "duplicate", "ignored"]
