"""A dependency for FastAPI: `Depends(require_key(meter))` lets a call pass or answers with the refusal."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import HTTPException, Request

from oropendola_usage.errors import Refused, Unavailable
from oropendola_usage.meter import Meter


def key_of(request: Request) -> str:
	"""Return the API key of a request: from X-API-Key, or from a bearer token as OpenAI's clients send it."""
	scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
	return request.headers.get("X-API-Key") or (token.strip() if scheme.lower() == "bearer" else "")


def require_key(meter: Meter, *, requests: int = 1, model: str | None = None) -> Callable[[Request], None]:
	"""Return the dependency. FastAPI runs it in a thread, so a lease that has to be renewed holds up no other call."""

	def check(request: Request) -> None:
		try:
			meter.check(key_of(request), requests, model=model)
		except (Refused, Unavailable) as error:
			raise HTTPException(error.status, detail=str(error), headers=error.headers()) from None

	return check
