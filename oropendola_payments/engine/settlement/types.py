"""What settling one fact did."""

from dataclasses import dataclass


@dataclass
class Settled:
	"""What one fact did. `changed` is False for the loser of a race and for a repetition."""

	attempt: str
	invoice: str
	changed: bool
	capture: str | None = None
	disposition: str | None = None
	gives_back: bool = False  # more came than was wanted, and something was decided about it
	failed: bool = False
