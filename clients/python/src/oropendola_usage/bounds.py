"""What a request to LiteLLM's proxy can use at most. Requests for which nobody can say it are refused, before they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oropendola_usage.errors import Refused

# By LiteLLM's name of a call the fields that limit its output. The first one is set if a request has none of them.
CHAT, TEXT = ("max_tokens", "max_completion_tokens"), ("max_tokens",)
LIMITS: dict[str, tuple[str, ...]] = {
	"completion": CHAT,
	"acompletion": CHAT,
	"text_completion": TEXT,
	"atext_completion": TEXT,
	"responses": ("max_output_tokens",),
	"aresponses": ("max_output_tokens",),
	"anthropic_messages": TEXT,
	"aanthropic_messages": TEXT,
	"embedding": (),
	"aembedding": (),
}
LIMIT_FIELDS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
CHOICE_FIELDS = ("n", "best_of")
INPUT_FIELDS = (
	*("messages", "input", "prompt", "system", "instructions"),
	*("tools", "functions", "response_format", "text"),
)
BYTES_PER_TOKEN = 4
# With these the model that answers is not the one that was reserved, or LiteLLM does not say what was used, or drops our limit.
UNCOUNTABLE = (
	*("fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "fastest_response", "models"),
	*("router_settings_override", "user_config", "model_list"),
	*("no-log", "background", "additional_drop_params"),
)
# What a provider reads from `extra_body` wins over the request itself.
COUNTED = ("model", *LIMIT_FIELDS, *CHOICE_FIELDS, *INPUT_FIELDS, *UNCOUNTABLE)

CALLS = ("chat/completions", "completions", "embeddings", "responses", "messages")
LISTS = ("/models", "/v1/models")
ROUTES = (*(f"{version}/{call}" for version in ("", "/v1") for call in CALLS), *LISTS)


@dataclass(frozen=True)
class Bound:
	"""At most this. The input is an estimate; what a call really used is settled after it."""

	model: str | None
	input_tokens: int
	output_tokens: int


def bound_of(data: dict[str, Any], call_type: str, usual_output: int) -> Bound:
	"""Return what the request can use. Gives it a limit of output, `usual_output`, if it has none. Raises Refused if nobody can say it."""
	if call_type not in LIMITS:
		raise Refused(f"Calls of the kind {call_type} cannot be counted.", 403, "not_allowed")
	_require_countable(data)
	_require_plain_extra_body(data.get("extra_body"))
	return Bound(_model_of(data), _input_of(data), _output_of(data, LIMITS[call_type], usual_output))


def require_route(scope: dict[str, Any]) -> None:
	"""Raise Refused unless a customer may call this route. LiteLLM's own check lets through what begins like an allowed route."""
	path, root = scope["path"], str(scope.get("app_root_path", scope.get("root_path", ""))).rstrip("/")
	if root and path.startswith(f"{root}/"):
		path = path[len(root) :]
	if path not in ROUTES or scope.get("method") != ("GET" if path in LISTS else "POST"):
		raise Refused("This route is not open to customers.", 403, "not_allowed")


def _require_countable(data: dict[str, Any]) -> None:
	for name in UNCOUNTABLE:
		if data.get(name):
			raise _bad(f"{name} is not supported here. Please leave it out.")


def _require_plain_extra_body(extra: Any) -> None:
	if extra and not (isinstance(extra, dict) and extra.keys().isdisjoint(COUNTED)):
		names = ", ".join(sorted(extra.keys() & set(COUNTED))) if isinstance(extra, dict) else "anything"
		raise _bad(f"extra_body must not name {names}. Please write it into the request itself.")


def _model_of(data: dict[str, Any]) -> str | None:
	model = data.get("model")
	if model is not None and (not isinstance(model, str) or "," in model):
		raise _bad("model must name one model.")
	return model


def _input_of(data: dict[str, Any]) -> int:
	size = sum(len(str(data[name]).encode(errors="replace")) for name in INPUT_FIELDS if data.get(name))
	return size // BYTES_PER_TOKEN + 1 if size else 0


def _output_of(data: dict[str, Any], fields: tuple[str, ...], usual_output: int) -> int:
	if not fields:
		return 0
	limits = {name: _whole(data, name) for name in LIMIT_FIELDS if data.get(name) is not None}
	if limits.keys().isdisjoint(fields):
		data[fields[0]] = limits[fields[0]] = usual_output
	return max(limits.values()) * _choices_of(data)


def _choices_of(data: dict[str, Any]) -> int:
	choices = max([1, *(_whole(data, name) for name in CHOICE_FIELDS if data.get(name) is not None)])
	return choices * _prompts_in(data.get("prompt"))


def _prompts_in(prompt: Any) -> int:
	"""Return how many texts are to be completed. A list of numbers is one text, as tokens."""
	if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int):
		return len(prompt)
	return 1


def _whole(data: dict[str, Any], name: str) -> int:
	value = data[name]
	if not isinstance(value, int) or isinstance(value, bool) or value < 1:
		raise _bad(f"{name} must be a whole number above 0.")
	return value


def _bad(message: str) -> Refused:
	return Refused(message, 400, "bad_request")
