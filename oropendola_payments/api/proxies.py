"""What a proxy in front of a model server says about a request, and how it wants to be answered."""

from typing import Any
from urllib.parse import quote

import frappe
from frappe import _
from werkzeug.wrappers import Request, Response

from oropendola_payments.ai_billing.current import current
from oropendola_payments.api import own_paths
from oropendola_payments.api.callbacks import forget_cookies
from oropendola_payments.exceptions import BadRequest

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
REQUESTS, MODEL, DIALECT = "X-Oro-Requests", "X-Oro-Model", "X-Oro-Dialect"
# nginx knows these two answers of `auth_request` beside 2xx, and makes 500 of all others.
KNOWN_TO_NGINX = (200, 401)


def asked() -> tuple[int, str | None]:
	"""Return how many requests to count and for which model, as the proxy's headers say. One, without a model, unless the
	settings say that the proxy sets these headers: otherwise the customer could send them."""
	if not current("Payment Settings").proxy_sets_usage:
		return 1, None
	headers = frappe.local.request.headers
	text = headers.get(REQUESTS, "").strip() or "1"
	if not (text.isascii() and text.isdecimal() and len(text) < 9):
		raise BadRequest(_("{0} must be a whole number.").format(REQUESTS))
	return int(text), headers.get(MODEL, "").strip()[:140] or None


def passed(answer: dict) -> dict:
	"""Keep the answer, although a check may come as GET, and say in headers whose request may pass."""
	flags = frappe.local.flags
	flags.commit = True
	flags.payments_caller = {
		"X-Oro-Subscription": answer["subscription_id"],
		"X-Oro-Plan": answer["plan"],
		"X-Oro-Key-Prefix": answer["key_prefix"],
		"X-Oro-Remaining": str(answer["remaining"]),
	}
	return answer


def set_headers(response: Response | None = None, request: Request | None = None) -> None:
	"""Complete the answer to a proxy. Other answers are unchanged. For `after_request`."""
	if response is None or request is None or not own_paths.TAKES_API_KEY.match(request.path):
		return
	_set_challenge(response)
	if own_paths.ASKED_BY_PROXIES.match(request.path):
		# The proxy may hand all headers on to the customer.
		forget_cookies()
		_answer_proxy(response, request)


def _set_challenge(response: Response) -> None:
	"""Say how to authenticate. Frappe v16 would send clients to its log-in, which gives no API key."""
	sent = "HTTP_X_API_KEY" in frappe.local.request.environ
	challenges = {
		401: 'Bearer error="invalid_token"' if sent else "Bearer",
		403: 'Bearer error="insufficient_scope"',
	}
	if challenge := challenges.get(response.status_code):
		response.headers["WWW-Authenticate"] = challenge
		later: Any = getattr(frappe.local, "response_headers", None)
		if later is not None:  # v16 adds its own header after this hook, and these after that
			later["WWW-Authenticate"] = challenge


def _answer_proxy(response: Response, request: Request) -> None:
	if request.method == "OPTIONS":
		# The framework answers 200 to everybody, which would let the request pass.
		response.status_code = 405
		response.headers["Allow"] = ", ".join(METHODS)
	status = response.status_code
	response.headers["X-Oro-Status"] = str(status)
	response.headers["Cache-Control"] = "no-store"
	for name, value in (frappe.local.flags.payments_caller or {}).items():
		response.headers[name] = quote(str(value), safe=" @:+")
	if request.headers.get(DIALECT, "").strip().lower() == "nginx" and status not in KNOWN_TO_NGINX:
		response.status_code = 403
