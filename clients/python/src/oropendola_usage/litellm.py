"""Hooks for the proxy of LiteLLM: who may call, and what a call really used.

A module of yours, say `keys.py` beside the configuration of the proxy:

	from oropendola_usage import AsyncClient
	from oropendola_usage.litellm import Hooks

	hooks = Hooks(AsyncClient("https://shop.example"))
	user_api_key_auth = hooks.user_api_key_auth
	usage = hooks.logger()

and in the configuration: `general_settings: {custom_auth: keys.user_api_key_auth, custom_auth_run_common_checks: true}`,
`litellm_settings: {callbacks: keys.usage}`.

LiteLLM is imported when the hooks are used, so this module can be imported without it.
"""

from __future__ import annotations

import logging
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oropendola_usage.aio import AsyncClient, AsyncMeter
from oropendola_usage.book import clock
from oropendola_usage.bounds import ROUTES, Bound, bound_of, require_route
from oropendola_usage.errors import Refused, Unavailable
from oropendola_usage.keeper import owner_of
from oropendola_usage.protocol import require_form

logger = logging.getLogger("oropendola_usage")

OWNER = "oropendola_key"
USUAL_OUTPUT = 1024
MOST_RUNNING = 100_000
# The provider may have worked until the customer's own time limit, or until the customer hung up.
CUT_SHORT = frozenset({"408", "499", "504"})


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
	model: str | None


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
	`journal` is the path of a file for reports that could not be sent yet. A request that does not limit its output is limited to
	`usual_output` tokens, because what a call can use is reserved before it is made.
	"""

	def __init__(
		self,
		client: AsyncClient,
		*,
		seconds: float = 10.0,
		journal: str | Path | None = None,
		most_keys: int = 10_000,
		usual_output: int = USUAL_OUTPUT,
	):
		self.client, self.seconds, self.most_keys = client, seconds, most_keys
		self.usual_output = usual_output
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
			require_route(request.scope)
			owner, answer = await self.checked(api_key)
		except (Refused, Unavailable) as error:
			raise _proxy_exception(error) from None
		# Of the key only its hash: LiteLLM writes this field into logs and answers.
		return UserAPIKeyAuth(
			api_key=owner,
			user_id=answer["subscription_id"],
			user_role="internal_user",
			allowed_routes=list(ROUTES),
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

	async def reserve(self, owner: str, data: dict[str, Any], call_type: str) -> None:
		"""Take what the call will use at most. `data` is the request as LiteLLM has it; it gets a limit and a name of its own."""
		known = self._state.known.get(owner)
		try:
			if not known:
				raise Unavailable("This API key has to be checked again. Please try again.")
			bound = bound_of(data, call_type, self.usual_output)
			event = await self._reserved(known.key, bound)
		except (Refused, Unavailable) as error:
			raise _proxy_exception(error) from None
		self._state.running[_named(data)] = Running(known.key, event, bound.model)
		while len(self._state.running) > MOST_RUNNING:
			self._state.running.popitem(last=False)  # counts as it was reserved

	async def settle(self, call: dict[str, Any]) -> None:
		"""Book the real tokens of a call that succeeded. Without figures the reservation stays, and counts."""
		figures = call.get("standard_logging_object") or {}
		used, ran = _tokens_of(figures), figures.get("model_group")
		if not any(used.values()):
			return
		running = self._state.running.pop(str(call.get("litellm_call_id")), None)
		if running and ran and ran != running.model:
			running = await self._moved(running, Bound(ran, **used))
		if running:
			self._report(running, "settle_reservation", used)

	def release(self, data: dict[str, Any], error: BaseException | None = None) -> None:
		"""Give back what was reserved for a call that failed in the end. One that was cut short may have cost, and counts."""
		running = self._state.running.pop(str(data.get("litellm_call_id")), None)
		if running and not _was_cut_short(error):
			self._report(running, "release_reservation", {})

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
					await hooks.reserve(owner, data, call_type)
				return data

			async def async_log_success_event(
				self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
			) -> None:
				await hooks.settle(kwargs)

			# Not async_log_failure_event, which is called for each try that another model may still save.
			async def async_post_call_failure_hook(
				self,
				request_data: dict[str, Any],
				original_exception: Exception,
				user_api_key_dict: Any,
				traceback_str: str | None = None,
			) -> None:
				hooks.release(request_data, original_exception)

		return UsageLogger()

	async def close(self) -> None:
		"""Send what is to be reported."""
		if self._state.meter:
			await self._state.meter.close()
			self._state.meter = None

	async def _reserved(self, key: str, bound: Bound) -> str:
		event = f"litellm-{uuid.uuid4().hex}"
		tokens = {"input_tokens": bound.input_tokens, "output_tokens": bound.output_tokens}
		try:
			await self.client.reserve(key, event, model=bound.model, **tokens)
		except Unavailable:
			self._give_back(Running(key, event, bound.model))
			raise
		return event

	def _give_back(self, running: Running) -> None:
		"""Release what the site may have reserved although its answer was lost: nothing is called for it.

		In a long outage that is of every call, so it fills half of the journal at most. The rest is for what was really used.
		"""
		journal = self.meter.keeper.journal
		if len(journal) < journal.most // 2:
			self._report(running, "release_reservation", {})

	async def _moved(self, running: Running, used: Bound) -> Running:
		"""Return a reservation for the model that ran instead of the reserved one. If the site refuses, the first one, so that it counts."""
		try:
			event = await self._reserved(running.key, used)
		except (Refused, Unavailable) as error:
			message = "%s ran instead of %s, whose price counts, because the other could not be booked: %s"
			logger.warning(message, used.model, running.model, error)
			return running
		self._report(running, "release_reservation", {})
		return Running(running.key, event, used.model)

	def _report(self, running: Running, endpoint: str, values: dict[str, Any]) -> None:
		self.meter.later(running.key, endpoint, {"event_id": running.event, **values})


def _named(data: dict[str, Any]) -> str:
	"""Return a call ID of our own, which the call has from now on. The customer can choose LiteLLM's, and the same one twice."""
	call_id = data["litellm_call_id"] = str(uuid.uuid4())
	# Made before the hook. The `kwargs` of the events come from it.
	logged = data.get("litellm_logging_obj")
	if logged is not None:
		logged.litellm_call_id = logged.model_call_details["litellm_call_id"] = call_id
	return call_id


def _tokens_of(figures: dict[str, Any]) -> dict[str, int]:
	names = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}
	return {ours: int(figures.get(theirs) or 0) for ours, theirs in names.items()}


def _was_cut_short(error: BaseException | None) -> bool:
	status = getattr(error, "status_code", None) or getattr(error, "code", None)
	return isinstance(error, TimeoutError) or str(status) in CUT_SHORT


def _proxy_exception(error: Refused | Unavailable) -> Exception:
	"""Return what LiteLLM answers with this status, these headers and this text. It makes 401 of any other exception."""
	from litellm.proxy._types import ProxyException

	headers = {name.lower(): value for name, value in error.headers().items()}
	return ProxyException(str(error), type=error.code, param=None, code=error.status, headers=headers)
