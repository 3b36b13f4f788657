"""A dependency for FastAPI: `Depends(require_key(meter))` lets a call pass or answers with the refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import HTTPException, Request

from oropendola_usage.aio import AsyncMeter
from oropendola_usage.errors import Refused, Unavailable
from oropendola_usage.meter import Meter


def key_of(request: Request) -> str:
	"""Return the API key of a request: from X-API-Key, or from a bearer token as OpenAI's clients send it."""
	scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
	return request.headers.get("X-API-Key") or (token.strip() if scheme.lower() == "bearer" else "")


def require_key(
	meter: AsyncMeter | Meter, *, requests: int = 1, model: str | None = None
) -> Callable[[Request], Awaitable[None]] | Callable[[Request], None]:
	"""Return the dependency, which counts each call. With a `Meter`, FastAPI runs it in a thread."""
	if isinstance(meter, Meter):
		return _in_a_thread(meter, requests, model)

	async def check(request: Request) -> None:
		try:
			await meter.check(key_of(request), requests, model=model)
		except (Refused, Unavailable) as error:
			raise answer_to(error) from None

	return check


def answer_to(error: Refused | Unavailable) -> HTTPException:
	"""Return the HTTP answer of a refusal. `detail` is an object that programs can read."""
	detail: dict[str, Any] = {"message": str(error), "code": error.code, "reason": error.reason}
	if isinstance(error, Refused):
		detail |= {"window": error.window, "offer": error.offer}
	detail = {name: value for name, value in detail.items() if value is not None}
	return HTTPException(error.status, detail=detail, headers=error.headers())


def _in_a_thread(meter: Meter, requests: int, model: str | None) -> Callable[[Request], None]:
	def check(request: Request) -> None:
		try:
			meter.check(key_of(request), requests, model=model)
		except (Refused, Unavailable) as error:
			raise answer_to(error) from None

	return check
