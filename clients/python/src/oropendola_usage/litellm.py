"""Hooks for the proxy of LiteLLM: who may call, and what a call really used.

A module of yours, say `keys.py` beside the configuration of the proxy:

	from oropendola_usage import AsyncClient
	from oropendola_usage.litellm import Hooks

	hooks = Hooks(AsyncClient("https://shop.example"))
	user_api_key_auth = hooks.user_api_key_auth
	usage = hooks.logger()

and in the configuration: `general_settings: {custom_auth: keys.user_api_key_auth}`, `litellm_settings: {callbacks: keys.usage}`.

LiteLLM is imported when the hooks are used, so this module can be imported without it.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oropendola_usage.aio import AsyncClient, AsyncMeter
from oropendola_usage.book import clock
from oropendola_usage.errors import Refused, Unavailable
from oropendola_usage.keeper import owner_of
from oropendola_usage.protocol import require_form

OWNER = "oropendola_key"
# A call that does not limit its output is reserved with so many tokens; what it really uses counts in the end.
USUAL_OUTPUT = 1024
CHARACTERS_PER_TOKEN = 4
MOST_RUNNING = 100_000


@dataclass
class Known:
	"""A key that the site has confirmed."""

	key: str = field(repr=False)
	answer: dict[str, Any]
	until: float


@dataclass
class Running:
	"""A call that was reserved and is not closed yet."""

	key: str = field(repr=False)
	event: str


@dataclass
class State:
	"""What is known of one site. LiteLLM loads a module once for each hook that the configuration names, so hooks share it."""

	meter: AsyncMeter | None = None
	known: OrderedDict[str, Known] = field(default_factory=OrderedDict)
	running: OrderedDict[str, Running] = field(default_factory=OrderedDict)


_STATES: dict[str, State] = {}


class Hooks:
	"""Reserves tokens before a call and settles the real ones after it, in the background.

	`seconds` is how long a key stays checked. Every call is reserved at the site all the same, which refuses a revoked key at once.
	`journal` is the path of a file for reports that could not be sent yet.
	"""

	def __init__(
		self,
		client: AsyncClient,
		*,
		seconds: float = 10.0,
		journal: str | Path | None = None,
		most_keys: int = 10_000,
	):
		self.client, self.seconds, self.most_keys = client, seconds, most_keys
		self._journal = journal
		self._state = _STATES.setdefault(client.site, State())

	@property
	def meter(self) -> AsyncMeter:
		"""The meter that sends reports. It belongs to the event loop of the proxy."""
		if self._state.meter is None:
			self._state.meter = AsyncMeter(self.client, journal=self._journal)
		return self._state.meter

	async def user_api_key_auth(self, request: Any, api_key: str | None) -> Any:
		"""LiteLLM's `custom_auth`: return whose key this is, or refuse with the status that the site gave."""
		from litellm.proxy._types import UserAPIKeyAuth

		try:
			owner, answer = await self.checked(api_key)
		except (Refused, Unavailable) as error:
			raise _proxy_exception(error) from None
		# Of the key only its hash: LiteLLM writes this field into logs and answers.
		return UserAPIKeyAuth(
			api_key=owner,
			user_id=answer["subscription_id"],
			metadata={OWNER: owner, "plan": answer["plan"], "key_prefix": answer["key_prefix"]},
		)

	async def checked(self, api_key: str | None) -> tuple[str, dict[str, Any]]:
		"""Return the hash of a key and what the site says of it, from memory if it was asked a moment ago."""
		api_key = (api_key or "").removeprefix("Bearer ").strip()
		owner = owner_of(api_key)
		known = self._state.known.get(owner)
		if not known or clock() >= known.until:
			require_form(api_key)
			answer = await self.client.check(api_key)
			known = self._state.known[owner] = Known(api_key, answer, clock() + self.seconds)
			self._state.known.move_to_end(owner)
			while len(self._state.known) > self.most_keys:
				self._state.known.popitem(last=False)
		return owner, known.answer

	async def reserve(self, owner: str, data: dict[str, Any]) -> None:
		"""Take what the call will use at most. `data` is the request as LiteLLM has it."""
		known = self._state.known.get(owner)
		if not known:
			raise _proxy_exception(Unavailable("This API key has to be checked again. Please try again."))
		# A name of our own: the customer can choose LiteLLM's call ID, and the same event would be free.
		event = f"litellm-{uuid.uuid4().hex}"
		try:
			await self.client.reserve(
				known.key,
				event,
				model=data.get("model"),
				input_tokens=_size_of(data.get("messages") or data.get("input") or data.get("prompt")),
				output_tokens=_limit_of(data),
			)
		except (Refused, Unavailable) as error:
			raise _proxy_exception(error) from None
		self._state.running[str(data.get("litellm_call_id"))] = Running(known.key, event)
		while len(self._state.running) > MOST_RUNNING:
			self._state.running.popitem(last=False)  # counts as it was reserved

	def settle(self, kwargs: dict[str, Any]) -> None:
		"""Book the real tokens of a call that succeeded."""
		figures = kwargs.get("standard_logging_object") or {}
		tokens = {
			"input_tokens": int(figures.get("prompt_tokens") or 0),
			"output_tokens": int(figures.get("completion_tokens") or 0),
		}
		self._close(kwargs, "settle_reservation", tokens)

	def release(self, data: dict[str, Any]) -> None:
		"""Give back what was reserved for a call that failed in the end."""
		self._close(data, "release_reservation", {})

	def logger(self) -> Any:
		"""Return the callback for `litellm_settings.callbacks`."""
		from litellm.integrations.custom_logger import CustomLogger

		hooks = self

		class UsageLogger(CustomLogger):
			async def async_pre_call_hook(
				self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str
			) -> dict[str, Any]:
				owner = (getattr(user_api_key_dict, "metadata", None) or {}).get(OWNER)
				if owner:
					await hooks.reserve(owner, data)
				return data

			async def async_log_success_event(
				self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
			) -> None:
				hooks.settle(kwargs)

			# Not async_log_failure_event, which is called for each try that another model may still save.
			async def async_post_call_failure_hook(
				self,
				request_data: dict[str, Any],
				original_exception: Exception,
				user_api_key_dict: Any,
				traceback_str: str | None = None,
			) -> None:
				hooks.release(request_data)

		return UsageLogger()

	async def close(self) -> None:
		"""Send what is to be reported."""
		if self._state.meter:
			await self._state.meter.close()
			self._state.meter = None

	def _close(self, call: dict[str, Any], endpoint: str, values: dict[str, Any]) -> None:
		running = self._state.running.pop(str(call.get("litellm_call_id")), None)
		if running:
			self.meter.later(running.key, endpoint, {"event_id": running.event, **values})


def _size_of(text: Any) -> int:
	"""Return about how many tokens a request has. The real number is settled after the call."""
	return len(str(text)) // CHARACTERS_PER_TOKEN + 1 if text else 0


def _limit_of(data: dict[str, Any]) -> int:
	limit = data.get("max_completion_tokens") or data.get("max_tokens")
	return limit if isinstance(limit, int) and limit > 0 else USUAL_OUTPUT


def _proxy_exception(error: Refused | Unavailable) -> Exception:
	"""Return what LiteLLM answers with this status, these headers and this text. It makes 401 of any other exception."""
	from litellm.proxy._types import ProxyException

	headers = {name.lower(): value for name, value in error.headers().items()}
	return ProxyException(str(error), type=error.code, param=None, code=error.status, headers=headers)
