"""What the outbox and the adapters hand to each other."""

from dataclasses import dataclass

from oropendola_payments.exceptions import Refusal


@dataclass(frozen=True)
class Made:
	"""The document of the other app that holds what was posted."""

	document_type: str
	document_name: str


class NeedsAttention(Refusal):
	"""It cannot be posted as it is. The message says what somebody has to do, and trying again would not help."""


class NotYet(Refusal):
	"""Something else has to be posted first."""
