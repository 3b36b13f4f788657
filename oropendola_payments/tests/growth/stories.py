"""What happened to an invoice: the events of its audit trail, by its status and the number of its attempts."""

from dataclasses import dataclass

STATUSES = (
	"Pending",
	"Processing",
	"Paid",
	"Partly Refunded",
	"Refunded",
	"Failed",
	"Abandoned",
	"Cancelled",
)
PAID = ("Paid", "Partly Refunded", "Refunded")
MOST_ATTEMPTS = 3
INVOICE, ATTEMPT, CAPTURE, REFUND = "AI Invoice", "Payment Attempt", "Payment Capture", "Payment Refund"
SUBSCRIPTION = "AI Subscription"


@dataclass(frozen=True)
class Step:
	"""An event, and the record that it is about. `attempt` is the number of the attempt that went on."""

	event: str
	before: str | None
	after: str | None
	about: str
	attempt: int = 1


# Shorter than what the app records of a payment, so that a million invoices have about five million events.
LAST_STEPS = {
	"Pending": (),
	"Processing": (Step("invoice_processing", "Pending", "Processing", INVOICE),),
	"Paid": (
		Step("money_captured", None, "Applied", CAPTURE),
		Step("invoice_paid", "Pending", "Paid", INVOICE),
		Step("subscription_served", "Pending", "Active", SUBSCRIPTION),
	),
	"Failed": (Step("invoice_failed", "Processing", "Failed", INVOICE),),
	"Abandoned": (Step("invoice_abandoned", "Processing", "Abandoned", INVOICE),),
	"Cancelled": (Step("invoice_cancelled", "Failed", "Cancelled", INVOICE),),
}
for _status, _event in (("Partly Refunded", "invoice_partly_refunded"), ("Refunded", "invoice_refunded")):
	LAST_STEPS[_status] = (
		*LAST_STEPS["Paid"],
		Step("refund_opened", None, "Created", REFUND),
		Step(_event, "Paid", _status, INVOICE),
	)


def steps(status: str, attempts: int) -> list[Step]:
	found = [Step("invoice_created", None, "Pending", INVOICE)]
	for number in range(1, attempts + 1):
		found.append(Step("attempt_created", None, "Created", ATTEMPT, number))
		if number < attempts:
			found.append(Step("attempt_failed", "Processing", "Failed", ATTEMPT, number))
	return [*found, *LAST_STEPS[status]]


def stories() -> list[tuple[str, int]]:
	"""Each status with each number of attempts that it can have."""
	return [
		(status, attempts)
		for status in STATUSES
		for attempts in ([0] if status == "Pending" else range(1, MOST_ATTEMPTS + 1))
	]
