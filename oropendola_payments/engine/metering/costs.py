"""What a call costs: requests, tokens, and units by the weights of its model. Units are counted in thousandths, rounded up once per call."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from fnmatch import fnmatchcase
from typing import Any

from frappe import _

from oropendola_payments.exceptions import NotAllowed
from oropendola_payments.money import to_decimal

THOUSANDTHS = 1000
TOKENS_PER_WEIGHT = 1000


class ModelNotInPlan(NotAllowed):
	error_code = "model_not_in_plan"


@dataclass(frozen=True)
class Call:
	"""What a caller asks for."""

	requests: int = 1
	model: str | None = None
	input_tokens: int = 0
	output_tokens: int = 0


def costs_of(call: Call, models: list[Any]) -> dict[str, int]:
	"""Return the cost by meter. Raises ModelNotInPlan if the plan names models and this one is not among them."""
	weights = _weights(call, models)
	tokens = call.input_tokens + call.output_tokens
	return {"Requests": call.requests, "Tokens": tokens, "Units": _units(call, weights)}


def costs_afterwards(call: Call, models: list[Any]) -> dict[str, int] | None:
	"""Return the cost of a call that was allowed before, or None if the plan does not name its model any more."""
	try:
		return costs_of(call, models)
	except ModelNotInPlan:
		return None


def _weights(call: Call, models: list[Any]) -> Any | None:
	"""Return the first row of the plan that fits the model, or None if the plan names no models."""
	if not models:
		return None
	name = plain_name(call.model or "")
	row = next((row for row in models if fnmatchcase(name, row.pattern.strip().lower())), None)
	if not row:
		message = _("Your plan does not include the model {0}. It includes: {1}.")
		raise ModelNotInPlan(message.format(call.model or "-", ", ".join(row.pattern for row in models)))
	return row


def plain_name(model: str) -> str:
	"""Return the name without the provider's prefix: `openai/gpt-4o` is `gpt-4o`."""
	return model.strip().lower().rpartition("/")[2]


def _units(call: Call, weights: Any | None) -> int:
	if not weights:
		return call.requests * THOUSANDTHS
	exact = _weight(weights.per_request) * call.requests
	exact += _weight(weights.per_input_tokens) * call.input_tokens / TOKENS_PER_WEIGHT
	exact += _weight(weights.per_output_tokens) * call.output_tokens / TOKENS_PER_WEIGHT
	return int((exact * THOUSANDTHS).to_integral_value(ROUND_CEILING))


def _weight(value: Any) -> Decimal:
	return to_decimal(value or 0)
