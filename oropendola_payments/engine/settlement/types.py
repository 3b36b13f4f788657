"""The result of settling one event."""

from dataclasses import dataclass


@dataclass
class Settled:
	"""The result of settling one event. `changed` is False if the event was already settled, also by a concurrent request."""

	attempt: str
	invoice: str
	changed: bool
	capture: str | None = None
	disposition: str | None = None
	policy_applied: bool = False  # it was an overpayment, and the double-payment policy was applied
	failed: bool = False
