"""What the endpoints of payouts answer."""

from typing_extensions import NotRequired, TypedDict


class FetchedPayouts(TypedDict, total=False):
	new: int
	unchanged: int
	corrected: int
	different: int


class ImportedPayouts(TypedDict):
	payouts: dict[str, str]
	rows: int
	new: int
	unchanged: int
	corrected: int
	different: int


class PreviewProblem(TypedDict):
	line: int
	problem: str


class PreviewLine(TypedDict):
	kind: str
	amount: str
	currency: str
	payout: str
	payment: str | None
	refund: str | None


class PreviewPayout(TypedDict):
	payout: str
	paid_on: str | None
	amount: str
	differs_by: str
	currency: str
	lines: int


class PreviewedFile(TypedDict):
	headings: list[str]
	mapping: dict[str, str | int | None]
	problems: list[PreviewProblem]
	rows: NotRequired[int]
	lines: NotRequired[list[PreviewLine]]
	payouts: NotRequired[list[PreviewPayout]]


class AcceptedDifference(TypedDict):
	difference: str
	status: str


class ReopenedPayout(TypedDict):
	payout: str
	status: str


class CheckedPayout(TypedDict):
	payout: str
	status: str
	open_differences: int
